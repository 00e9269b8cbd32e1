"""Versions on an endpoint: Google's own clients against a Vertex AI on the loopback."""

import pytest

from pipeline.config.endpoint import EndpointConfig
from pipeline.errors import InputError, StackError
from serving.vertex.endpoint import deploy, deployed_versions, split, undeploy, upload
from tests.serving.vertex.fake_vertex import FakeVertex, serve

IMAGE = "europe-west4-docker.pkg.dev/my-project/serving/tensorflow-serving:2.16.1"
CONFIG = EndpointConfig(project="my-project", region="europe-west4", id="films", image=IMAGE)
LOCATION = "projects/my-project/locations/europe-west4"
MODEL, ENDPOINT = f"{LOCATION}/models/films", f"{LOCATION}/endpoints/films"
DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def vertex():
    return FakeVertex()


@pytest.fixture
def service(vertex):
    with serve(vertex) as service:
        yield service


def _upload(service, version, config=CONFIG):
    upload(service, config, version, DIGEST, f"gs://bucket/endpoint/{version}/")


def test_the_first_upload_makes_the_model_and_the_next_a_version_of_it(vertex, service):
    _upload(service, 3)
    _upload(service, 4)
    first, second = vertex.requests
    assert (first.parent, first.model_id, first.parent_model) == (LOCATION, "films", "")
    assert (second.parent, second.model_id, second.parent_model) == (LOCATION, "", MODEL)
    assert [list(version.version_aliases) for version in vertex.models[MODEL]] == [["v3"], ["v4"]]
    assert [version.artifact_uri for version in vertex.models[MODEL]] == [
        "gs://bucket/endpoint/3",
        "gs://bucket/endpoint/4",
    ]
    assert dict(first.model.labels) == {"bundle-version": "3", "bundle-digest": "0123456789abcdef"}


def test_the_container_is_tensorflow_serving_by_vertex_contract(vertex, service):
    _upload(service, 3)
    container = vertex.requests[0].model.container_spec
    assert container.image_uri == IMAGE
    assert list(container.command) == ["/usr/bin/tensorflow_model_server"]
    assert list(container.args) == [
        "--rest_api_port=$(AIP_HTTP_PORT)",
        "--model_name=recommender",
        "--model_base_path=$(AIP_STORAGE_URI)",
    ]
    assert [port.container_port for port in container.ports] == [8501]
    assert container.predict_route == "/v1/models/recommender:predict"
    assert container.health_route == "/v1/models/recommender"


@pytest.mark.parametrize(
    "artifacts", ["bucket/3", "s3://bucket/3", "gs://", "gs://bucket/a b", "gs://bucket/*"]
)
def test_files_that_vertex_cannot_read_are_refused_before_anything_is_sent(artifacts, vertex, service):
    with pytest.raises(InputError, match="--artifacts must be a folder in Google Cloud Storage"):
        upload(service, CONFIG, 3, DIGEST, artifacts)
    assert not vertex.requests


def test_the_first_version_gets_every_request_and_a_later_one_none(vertex, service):
    for version in (3, 4):
        _upload(service, version)
    assert deploy(service, CONFIG, 3)
    assert not deploy(service, CONFIG, 4)
    kinds = [type(request).__name__ for request in vertex.requests[2:]]
    assert kinds == ["CreateEndpointRequest", "DeployModelRequest", "DeployModelRequest"]
    created, first, second = vertex.requests[2:]
    assert (created.parent, created.endpoint_id) == (LOCATION, "films")
    assert dict(first.traffic_split) == {"0": 100}
    assert dict(second.traffic_split) == {}
    assert [d.id for d in vertex.endpoints[ENDPOINT].deployed_models] == ["3", "4"]
    assert dict(vertex.endpoints[ENDPOINT].traffic_split) == {"3": 100}


def test_machines_are_those_of_the_configuration(vertex, service):
    config = EndpointConfig(
        **CONFIG.model_dump(exclude_defaults=True),
        machine_type="n1-standard-8",
        accelerator_type="NVIDIA_TESLA_T4",
        accelerator_count=2,
        min_replicas=2,
        max_replicas=5,
        cpu_target=70,
        service_account="serving@my-project.iam.gserviceaccount.com",
    )
    _upload(service, 3, config)
    deploy(service, config, 3)
    deployed = vertex.requests[-1].deployed_model
    assert deployed.model == f"{MODEL}@v3"
    assert deployed.service_account == "serving@my-project.iam.gserviceaccount.com"
    resources = deployed.dedicated_resources
    assert (resources.min_replica_count, resources.max_replica_count) == (2, 5)
    assert resources.machine_spec.machine_type == "n1-standard-8"
    assert resources.machine_spec.accelerator_type.name == "NVIDIA_TESLA_T4"
    assert resources.machine_spec.accelerator_count == 2
    assert [(m.metric_name, m.target) for m in resources.autoscaling_metric_specs] == [
        ("aiplatform.googleapis.com/prediction/online/cpu/utilization", 70)
    ]


def test_an_accelerator_that_there_is_not(service):
    config = CONFIG.model_copy(update={"accelerator_type": "ABACUS"})
    _upload(service, 3)
    with pytest.raises(InputError, match="there is no ABACUS; there are NVIDIA_TESLA_K80"):
        deploy(service, config, 3)


def test_a_canary_is_given_some_requests_then_all_and_the_old_version_goes(vertex, service):
    for version in (3, 4):
        _upload(service, version)
        deploy(service, CONFIG, version)
    split(service, CONFIG, {3: 90, 4: 10})
    assert dict(vertex.endpoints[ENDPOINT].traffic_split) == {"3": 90, "4": 10}
    with pytest.raises(InputError, match="Vertex AI refuses: .*it gets requests"):
        undeploy(service, CONFIG, 3)
    split(service, CONFIG, {3: 0, 4: 100})
    assert dict(vertex.endpoints[ENDPOINT].traffic_split) == {"4": 100}
    undeploy(service, CONFIG, 3)
    (left,) = deployed_versions(service, CONFIG)
    assert (left.version, left.share, left.replicas, left.machine) == ("4", 100, (1, 2), "n1-standard-4")


@pytest.mark.parametrize(
    ("shares", "sum_of"),
    [({3: 90, 4: 11}, "90 [+] 11"), ({3: 99}, "99"), ({3: 110, 4: -10}, "110 [+] -10"), ({}, "none")],
)
def test_shares_that_are_no_whole_are_not_sent(shares, sum_of, vertex, service):
    with pytest.raises(InputError, match=f"sum to 100; {sum_of} do not"):
        split(service, CONFIG, shares)
    assert not vertex.requests


def test_what_is_not_there_is_said(service):
    with pytest.raises(InputError, match=f"there is no endpoint {ENDPOINT}; make it"):
        deployed_versions(service, CONFIG)
    with pytest.raises(InputError, match="Vertex AI refuses: .*no version v3"):
        deploy(service, CONFIG, 3)


def test_a_share_of_a_version_that_is_not_deployed_is_refused(service):
    _upload(service, 3)
    deploy(service, CONFIG, 3)
    with pytest.raises(InputError, match="Vertex AI refuses: .*no split"):
        split(service, CONFIG, {3: 50, 5: 50})


def test_what_takes_its_time_is_waited_for(vertex, service):
    vertex.slow = True
    _upload(service, 3)
    assert deploy(service, CONFIG, 3)


def test_what_takes_too_long_ends_the_waiting(vertex):
    vertex.stuck = True
    with serve(vertex, timeout=0.1) as service, pytest.raises(StackError, match="is not done in the time"):
        _upload(service, 3)


def test_versions_come_by_number(service):
    for version in (10, 9):
        _upload(service, version)
        deploy(service, CONFIG, version)
    assert [deployed.version for deployed in deployed_versions(service, CONFIG)] == ["9", "10"]
