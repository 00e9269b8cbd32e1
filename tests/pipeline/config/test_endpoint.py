"""The section `endpoint`, and names of images."""

import pytest
from pydantic import BaseModel, ValidationError

from pipeline.config.endpoint import EndpointConfig
from pipeline.config.images import PinnedImage

SETTINGS = {
    "project": "my-project",
    "region": "europe-west4",
    "id": "films",
    "image": "europe-west4-docker.pkg.dev/my-project/serving/tensorflow-serving:2.16.1",
}
DIGEST = "sha256:" + "0a" * 32


class Named(BaseModel):
    image: PinnedImage


@pytest.mark.parametrize(
    "image",
    [
        "tensorflow/serving:2.16.1",
        f"tensorflow/serving@{DIGEST}",
        f"tensorflow/serving:2.16.1@{DIGEST}",
        "localhost:5000/team/server:0.1.0",
    ],
)
def test_images_with_a_tag_or_a_digest_are_taken(image):
    assert Named(image=image).image == image


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("tensorflow/serving", "needs a tag or a digest"),
        ("localhost:5000/team/server", "needs a tag or a digest"),
        ("tensorflow/serving:latest", "latest is another image tomorrow"),
        (f"tensorflow/serving:latest@{DIGEST}", "latest is another image tomorrow"),
        ("tensorflow/serving@sha256:abc", "needs a tag or a digest"),
        ("tensorflow/serving:", "needs a tag or a digest"),
        ("", "needs a tag or a digest"),
        ("a b:1", "needs a tag or a digest"),
    ],
)
def test_images_that_may_be_another_tomorrow_are_refused(image, message):
    with pytest.raises(ValidationError, match=message):
        Named(image=image)


def test_resource_names_follow_from_the_settings():
    config = EndpointConfig(**SETTINGS)
    assert config.endpoint_name == "projects/my-project/locations/europe-west4/endpoints/films"
    assert config.model_name == "projects/my-project/locations/europe-west4/models/films"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image": "tensorflow/serving:2.16.1"}, "takes images from Artifact Registry"),
        ({"project": "My Project"}, "project"),
        ({"region": "europe-west4-a"}, "region"),
        ({"id": "Films"}, "id"),
        ({"id": "films-"}, "id"),
        ({"model": "fusion"}, "model"),
        ({"min_replicas": 3}, "max_replicas, 2, is below min_replicas, 3"),
        ({"min_replicas": 0}, "min_replicas"),
        ({"cpu_target": 101}, "cpu_target"),
        ({"service_account": "serving"}, "service_account"),
        ({"machine": "n1-standard-4"}, "machine"),
    ],
)
def test_what_vertex_would_refuse_is_refused(changed, message):
    with pytest.raises(ValidationError, match=message):
        EndpointConfig(**{**SETTINGS, **changed})
