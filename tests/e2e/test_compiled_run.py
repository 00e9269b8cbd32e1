"""The compiled pipeline, step by step as on Kubeflow: from uploaded data to a pushed version."""

import json

import pytest

from serving.pushed_objects import versions_in
from tests.pipeline.runners.compiled_run import assert_same_version, compiled_run

pytestmark = pytest.mark.slow

# Of each kind one; `make compiled-run` runs them all. What they need of others a local run has made.
RUN = (
    "items-ExampleGen",
    "items-Transform",
    "items-Materializer",
    "CollaborativeTrainer",
    "Bundler",
    "LastBlessedBundle",
    "Pusher",
)


@pytest.fixture(scope="module")
def finished(world, tmp_path_factory):
    """The run, after those steps."""
    folder = tmp_path_factory.mktemp("compiled")
    with compiled_run(folder, world.folder / "config.yaml") as run:
        run.supply([task for task in run.order if task not in RUN])
        for task in [task for task in run.order if task in RUN]:
            done = run.run(task)
            assert done.returncode == 0, f"{task}: {done.stderr[-3000:]}"
        yield run


def test_the_pushed_bundle_is_that_of_a_local_run(finished, world, tmp_path):
    assert_same_version(finished.newest(tmp_path), world.bundle / "versions" / "1")


def test_what_steps_say_of_their_outputs_has_addresses(finished):
    for task in RUN:
        said = json.loads(finished.output(task).read("executor_output.json"))
        for artifacts in said.get("artifacts", {}).values():
            for artifact in artifacts["artifacts"]:
                assert artifact["uri"].startswith(f"{finished.compiled.cloud.root}/")


def test_nothing_is_left_on_the_machine(finished):
    steps = finished.folder / "tmp" / "recstack"
    assert {path.name for step in steps.iterdir() for path in step.iterdir()} == {"lock"}


def test_the_labels_are_on_what_was_pushed(finished):
    assert list(versions_in(finished.bundle)) == [1]
    assert json.loads(finished.bundle.read("serving/labels.json")) == {"stable": 1, "canary": 1}
    served = finished.bundle.read("serving/exact.models.config").decode()
    assert f'base_path: "{finished.bundle.uri}/models/exact/recommender"' in served
    assert finished.bundle.read("models/exact/ranking/1/saved_model.pb") is not None
