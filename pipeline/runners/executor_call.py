"""What a platform tells a step."""

from __future__ import annotations

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.errors import InputError

# Kubeflow's names of types are `namespace.Title`, and TFX takes them for names of classes.
_TITLE, _CLASS = "title: recstack.", "title: serving.artifacts."


def read_executor_input(text: str) -> pipeline_spec_pb2.ExecutorInput:
    """Reads an `ExecutorInput`, with the artifact types of ours by the names that TFX imports them by.

    Args:
      text: As the platform puts it in the place of `{{$}}`.

    Raises:
      InputError: It is none.
    """
    try:
        call = pipeline_spec_pb2.ExecutorInput()
        return json_format.Parse(text.replace(_TITLE, _CLASS), call, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise InputError(f"the platform's message to the step cannot be read: {error}") from error
