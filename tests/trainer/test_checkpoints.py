"""Checkpoints: whole or not at all."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import InputError
from trainer.checkpoints import Checkpoint, Progress, checkpoint_folder


def _variables():
    return {
        "model": [tf.Variable([[1.5, 2.5]]), tf.Variable(3.0), tf.Variable([7], dtype=tf.int64)],
        "optimizer0": [tf.Variable(4, dtype=tf.int64)],
    }


PROGRESS = Progress(3, 0.25, 2, False, {"loss": [3.0, 2.0, 1.0]}, [np.array([[9.0, 8.0]], np.float32)])


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(str(tmp_path / "step" / "digest"))


def test_what_was_saved_is_restored(checkpoint):
    groups = _variables()
    checkpoint.save(groups, PROGRESS)
    stored = checkpoint.load()
    assert vars(stored.progress) | {"best_weights": None} == vars(PROGRESS) | {"best_weights": None}
    np.testing.assert_array_equal(stored.progress.best_weights, PROGRESS.best_weights)
    fresh = _variables()
    for variables in fresh.values():
        for variable in variables:
            variable.assign(tf.zeros_like(variable))
    stored.restore(fresh)
    for name, variables in groups.items():
        for expected, got in zip(variables, fresh[name], strict=True):
            np.testing.assert_array_equal(expected, got)
            assert expected.dtype == got.dtype


def test_order_is_kept_beyond_ten(checkpoint):
    checkpoint.save({"model": [tf.Variable(float(i)) for i in range(25)]}, Progress())
    assert [float(value) for value in checkpoint.load().groups["model"]] == list(range(25))


def test_the_newest_is_loaded(checkpoint, tmp_path):
    for epochs in (1, 2):
        checkpoint.save(_variables(), Progress(epochs=epochs))
    assert checkpoint.load().progress.epochs == 2
    assert [path.name for path in (tmp_path / "step" / "digest").iterdir()] == ["checkpoint"]


def test_none_at_first(checkpoint):
    assert checkpoint.load() is None
    checkpoint.remove()  # nothing to remove is no error


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_one_is_not_taken(checkpoint, tmp_path, caplog, damage):
    checkpoint.save(_variables(), PROGRESS)
    path = tmp_path / "step" / "digest" / "checkpoint"
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    path.write_bytes({"cut": whole[:-1], "changed": bytes(changed), "empty": b""}[damage])
    assert checkpoint.load() is None
    assert "is damaged; the training starts from the beginning" in caplog.text


@pytest.mark.parametrize(
    "groups",
    [
        {"model": [tf.Variable([[1.5, 2.5]])]},
        {"model": [tf.Variable([[1.5], [2.5]]), tf.Variable(3.0), tf.Variable([7])]},
        {"model": [tf.Variable([[1.5, 2.5]]), tf.Variable(3.0), tf.Variable([7], name="another")]},
        {"other": [tf.Variable(1.0)]},
    ],
)
def test_another_models_is_refused_and_changes_nothing(checkpoint, groups):
    checkpoint.save(_variables(), PROGRESS)
    before = [variable.numpy() for variables in groups.values() for variable in variables]
    with pytest.raises(InputError, match="checkpoint's variables of '(model|other)' are not those"):
        checkpoint.load().restore(groups)
    for variable, value in zip(next(iter(groups.values())), before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_finished_training_clears_the_steps_folder(tmp_path):
    """Also what trainings with other settings left, which were given up."""
    root = str(tmp_path / "step")
    old, new = (Checkpoint(checkpoint_folder(root, settings)) for settings in ("old", "new"))
    for checkpoint in (old, new):
        checkpoint.save(_variables(), PROGRESS)
    new.remove()
    assert not (tmp_path / "step").exists()


def test_folders_follow_from_all_that_is_named():
    folders = [checkpoint_folder("root", *parts) for parts in (("a", "b"), ("ab", ""), ("a", "c"), ("a",))]
    assert len(set(folders)) == 4
    assert checkpoint_folder("root", "a", "b") == folders[0]
    assert all(folder.startswith("root/") for folder in folders)


def test_numbers_in_names_do_not_count(checkpoint):
    """Keras numbers layers through all that a process has made."""
    checkpoint.save({"model": [tf.Variable(1.0, name="dense_1/kernel")]}, Progress())
    variable = tf.Variable(0.0, name="dense_12/kernel")
    checkpoint.load().restore({"model": [variable]})
    assert float(variable) == 1.0
