"""What a platform tells a step, read by TFX's own parser."""

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.errors import InputError
from pipeline.runners.executor_call import read_executor_input


@pytest.mark.slow  # TFX is imported
def test_our_types_are_told_by_the_names_that_tfx_imports():
    from tfx.orchestration.kubeflow.v2.compiler_utils import get_artifact_schema
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

    from serving import artifacts

    for kind in (artifacts.ServingBundle, artifacts.CandidateIndex, artifacts.BundleEvaluation):
        call = pipeline_spec_pb2.ExecutorInput()
        described = call.inputs.artifacts["it"].artifacts.add(name="n", uri="gs://bucket/it")
        described.type.instance_schema = get_artifact_schema(kind)
        read = read_executor_input(json_format.MessageToJson(call))
        parsed = kubeflow_v2_entrypoint_utils.parse_raw_artifact_dict(read.inputs.artifacts)
        assert type(parsed["it"][0]) is kind


def test_a_message_that_is_none_is_named():
    with pytest.raises(InputError, match="cannot be read"):
        read_executor_input('{"inputs": 3}')
