"""The job for Vertex AI, read by Google's own client and types."""

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1.types import CustomJob
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.runners.compiled_pipeline import COMMAND
from pipeline.runners.vertex import pipeline_job
from tests.pipeline.runners.compiled_world import IMAGE, ROOT, CompiledWorld, container_of, tasks_of

pytestmark = pytest.mark.slow  # TFX is imported


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return CompiledWorld(tmp_path_factory.mktemp("compiled"))


def test_vertex_reads_the_job(world):
    job, file = world.written("vertex", {"labels": {"team": "a"}})
    spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    assert (spec.schema_version, spec.pipeline_info.name) == ("2.1.0", "checkerboard")
    read = pipeline_job(file, world.config().cloud, AnonymousCredentials())
    sent = read.to_dict()
    assert sent["labels"]["team"] == "a"
    assert sent["runtimeConfig"]["gcsOutputDirectory"] == ROOT
    assert sent["runtimeConfig"]["parameterValues"] == job["runtimeConfig"]["parameterValues"]
    caching = {name: task.get("cachingOptions", {}) for name, task in tasks_of(sent["pipelineSpec"]).items()}
    assert {name for name, options in caching.items() if not options.get("enableCache")} == {
        "LastBlessedBundle",
        "Pusher",
    }


def test_on_vertex_trainers_are_custom_jobs_with_their_machines(world):
    trainers = {
        "machine_type": "a2-highgpu-1g",
        "accelerator": "NVIDIA_TESLA_A100",
        "accelerator_count": 2,
        "replicas": 3,
    }
    cloud = {"trainers": trainers, "service_account": "who@p", "network": "projects/1/global/networks/n"}
    job, _ = world.written("vertex", cloud)
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    custom = {label for label, executor in executors.items() if "customJob" in executor}
    assert custom == {"RetrievalTrainer_executor", "RankingTrainer_executor"}
    for label in custom:
        described = json_format.ParseDict(
            executors[label]["customJob"]["customJob"], CustomJob.pb(CustomJob())
        )
        spec = CustomJob.wrap(described).job_spec
        assert [pool.replica_count for pool in spec.worker_pool_specs] == [1, 2]
        for pool in spec.worker_pool_specs:
            machine = pool.machine_spec
            assert (machine.machine_type, machine.accelerator_count) == ("a2-highgpu-1g", 2)
            assert machine.accelerator_type.name == "NVIDIA_TESLA_A100"
            assert pool.container_spec.image_uri == IMAGE
            assert tuple(pool.container_spec.command) == COMMAND
            assert "{{$}}" in pool.container_spec.args
        assert (spec.service_account, spec.network) == ("who@p", "projects/1/global/networks/n")


def test_containers_ask_for_what_they_are_to_have(world):
    cloud = {
        "steps": {"cpu": 2, "memory_gb": 8},
        "step_resources": {"items.Transform": {"cpu": 8, "memory_gb": 64}},
    }
    job, _ = world.written("vertex", cloud)
    spec = job["pipelineSpec"]
    assert container_of(spec, "Bundler")["resources"] == {"cpuLimit": 2.0, "memoryLimit": 8.0}
    assert container_of(spec, "items-Transform")["resources"] == {"cpuLimit": 8.0, "memoryLimit": 64.0}
