"""What a run elsewhere is told, and what is refused."""

import pytest
from pydantic import ValidationError

from pipeline.config.cloud import CloudConfig, StepResources

DIGEST = "sha256:" + "0" * 64


def _cloud(**changes):
    return CloudConfig.model_validate(
        {"image": "registry.local/recstack:0.1.0", "root": "gs://b/r", **changes}
    )


@pytest.mark.parametrize(
    "image",
    ["recstack:0.1.0", "localhost:5000/recstack:1", f"recstack@{DIGEST}", f"r.io/a/recstack:1@{DIGEST}"],
)
def test_a_pinned_image_is_taken(image):
    assert _cloud(image=image).image == image


@pytest.mark.parametrize(
    "image",
    ["recstack", "recstack:latest", "localhost:5000/recstack", "recstack@sha256:12", "recstack:", ""],
)
def test_an_image_that_may_change_is_refused(image):
    with pytest.raises(ValidationError, match="needs a tag or a digest|the tag latest"):
        _cloud(image=image)


@pytest.mark.parametrize("root", ["/tmp/r", "b/r", "http://b/r", "gs://", "gs:///", "minio://b/r"])
def test_the_root_is_in_an_object_store(root):
    with pytest.raises(ValidationError, match=r"gs://\.\.\. or s3://"):
        _cloud(root=root)


def test_versions_are_pushed_under_the_root_unless_told_otherwise():
    assert _cloud(root="s3://b/r/").push_destination == "s3://b/r/bundle"
    assert _cloud(destination="gs://other/served/").push_destination == "gs://other/served"


def test_dataflow_needs_project_region_and_google_storage():
    with pytest.raises(ValidationError, match=r"dataflow needs cloud\.project and cloud\.region"):
        _cloud(dataflow={})
    google = {"project": "p", "region": "r"}
    assert _cloud(dataflow={}, **google).dataflow.max_workers == 10
    with pytest.raises(ValidationError, match="root is s3://b"):
        _cloud(dataflow={}, root="s3://b", **google)


def test_a_step_has_its_own_resources_or_those_of_its_kind():
    cloud = _cloud(step_resources={"Bundler": {"cpu": 8}}, steps={"cpu": 2}, trainers={"cpu": 16})
    assert cloud.resources_of("Bundler", trains=False) == StepResources(cpu=8)
    assert cloud.resources_of("Indexer", trains=False) == StepResources(cpu=2)
    assert cloud.resources_of("RankingTrainer", trains=True).cpu == 16


@pytest.mark.parametrize(
    "changes",
    [{"steps": {"cpu": 0}}, {"trainers": {"replicas": 0}}, {"host": "kubeflow"}, {"zone": "a"}],
    ids=str,
)
def test_what_cannot_be_is_refused(changes):
    with pytest.raises(ValidationError):
        _cloud(**changes)
