"""The documents for Kubeflow Pipelines, read by kfp's own strict reader."""

import copy

import pytest
from kfp.client.client import _extract_pipeline_yaml

from tests.pipeline.runners.compiled_world import CompiledWorld, container_of

pytestmark = pytest.mark.slow  # TFX is imported


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return CompiledWorld(tmp_path_factory.mktemp("compiled"))


def test_kubeflow_reads_the_documents(world):
    trainers = {
        "cpu": 8,
        "memory_gb": 32,
        "accelerator": "nvidia.com/gpu",
        "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
    }
    (spec, platform), file = world.written("kubeflow", {"trainers": trainers, "root": "s3://bucket/root"})
    read = _extract_pipeline_yaml(str(file))  # strict
    assert read.pipeline_spec.default_pipeline_root == "s3://bucket/root"
    trainer = container_of(spec, "RankingTrainer")["resources"]
    assert trainer == {
        "cpuLimit": 8.0,
        "memoryLimit": 32.0,
        "accelerator": {"type": "nvidia.com/gpu", "count": "1"},
    }
    assert "accelerator" not in container_of(spec, "CollaborativeTrainer")["resources"]
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == {"RankingTrainer_executor", "RetrievalTrainer_executor"}
    assert set(executors.values().__iter__().__next__()["nodeSelector"]["labels"]) == set(
        trainers["node_selector"]
    )
    assert set(executors) <= set(spec["deploymentSpec"]["executors"])
    assert list(read.platform_spec.platforms) == ["kubernetes"]


def test_without_a_selector_there_is_one_document(world):
    documents, file = world.written("kubeflow")
    assert len(documents) == 1
    assert not _extract_pipeline_yaml(str(file)).platform_spec.platforms


def test_the_specs_of_both_platforms_differ_by_executors_alone(world):
    job, _ = world.written("vertex")
    (spec,), _ = world.written("kubeflow")
    vertex = copy.deepcopy(job["pipelineSpec"])
    del vertex["deploymentSpec"], spec["deploymentSpec"]
    assert vertex == spec
