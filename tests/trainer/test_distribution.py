"""Over what a training is spread, and that several replicas make the step of one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import InputError, StackError
from trainer.batch_shares import BatchShares
from trainer.distribution import Distribution, _reason, distributed

ROOT = Path(__file__).resolve().parents[2]
THREE = Distribution(shares=BatchShares(0, 1, 3))


def test_one_device_leaves_everything_as_it_is():
    with distributed("one_device") as distribution:
        batches = tf.data.Dataset.range(3)
        assert distribution.feed(batches) == (batches, None)
        assert distribution.is_chief
        assert not distribution.is_spread
        assert distribution.batch_size(7, 5) == 5
        assert distribution.output("/runs/model") == "/runs/model"


def test_who_is_not_the_chief_writes_elsewhere(tmp_path):
    other = Distribution(scratch=str(tmp_path))
    assert not other.is_chief
    assert other.output("/runs/model") == f"{tmp_path}/model"


@pytest.mark.parametrize(("configured", "there", "expected"), [(6, 100, 6), (6, 6, 6), (6, 5, 3)])
def test_a_batch_is_divided_evenly(configured, there, expected):
    assert THREE.batch_size(configured, there) == expected


@pytest.mark.parametrize(("configured", "there"), [(7, 100), (6, 2)])
def test_a_batch_that_cannot_be_divided_is_refused(configured, there):
    with pytest.raises(InputError, match="cannot be shared evenly by 3 replicas\nset batch_size to a mult"):
        THREE.batch_size(configured, there)


def test_a_cluster_must_be_described(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with (
        pytest.raises(InputError, match="'multi_worker', and TF_CONFIG is not set"),
        distributed("multi_worker"),
    ):
        pass


def test_a_process_that_did_something_else_before_is_no_machine_of_a_cluster(monkeypatch):
    described = {
        "cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]},
        "task": {"type": "worker", "index": 0},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(described))
    tf.constant(1.0) + 1.0
    with pytest.raises(StackError, match="needs a process of its own"), distributed("multi_worker"):
        pass


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Graph execution error:\n\nCollective ops is aborted by: Connection reset\nAdditional",
            "Connection reset",
        ),
        ("a\n\nSocket closed\n", "Socket closed"),
        ("", "UnavailableError"),
    ],
)
def test_what_tensorflow_says_of_a_lost_machine_is_one_line(message, expected):
    assert _reason(tf.errors.UnavailableError(None, None, message)) == expected


@pytest.fixture(scope="module")
def steps(tmp_path_factory) -> dict[str, np.ndarray]:
    """Losses and gradients of one replica and of two, in a process that has two devices."""
    path = tmp_path_factory.mktemp("mirrored") / "steps.npz"
    command = [sys.executable, "-m", "tests.trainer.mirrored_steps", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(np.load(path))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["full", "in_batch", "ranking"])
def test_two_replicas_have_the_loss_and_the_gradient_of_one(steps, model):
    """Batches whose halves differ in how many moments they have, and in which items."""
    names = [name for name in steps if name.startswith(f"one/{model}/")]
    assert len(names) > 5
    assert any(np.abs(steps[name]).max() > 1e-3 for name in names if name.endswith("gradient"))
    for name in names:
        two = steps[name.replace("one/", "two/")]  # of the loss, both replicas' report
        one = np.broadcast_to(steps[name], two.shape)
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_replicas_draw_for_themselves_and_the_same_again(steps):
    first, second, again = (steps[f"draws/{name}"] for name in ("first", "second", "again"))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)


@pytest.mark.slow
def test_several_replicas_send_each_row_of_a_table_once(steps):
    np.testing.assert_array_equal(steps["sent/one/rows"], [2, 0, 2])
    np.testing.assert_array_equal(steps["sent/two/rows"], [2, 0])
    np.testing.assert_array_equal(steps["sent/two/values"], [[4, 40], [2, 20]])
