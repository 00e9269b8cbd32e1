"""Two of TensorFlow Serving's messages that its Python package lacks, read from protobuf's text format."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.config.serving import BatchingConfig
from pipeline.errors import InputError

# What TensorFlow's batch scheduler does if a file leaves it out.
_BATCHING_DEFAULTS: dict[str, Any] = {
    "max_batch_size": 1000,
    "batch_timeout_micros": 0,
    "max_enqueued_batches": 10,
    "num_batch_threads": 2,
    "allowed_batch_sizes": (),
    "pad_variable_length_inputs": False,
}
_DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"
_PACKAGE = "tensorflow.serving"


def read_batching_parameters(path: Path) -> BatchingConfig:
    """Reads `batching_parameters`.

    Raises:
      InputError: It cannot be read, or its values do not go together.
    """
    message = _read(path, "BatchingParameters")
    given: dict[str, Any] = {
        field.name: value if field.message_type is None else value.value
        for field, value in message.ListFields()
        if field.name in _BATCHING_DEFAULTS
    }
    if "allowed_batch_sizes" in given:
        given["allowed_batch_sizes"] = tuple(given["allowed_batch_sizes"])
    try:
        return BatchingConfig(**{**_BATCHING_DEFAULTS, **given})
    except ValidationError as error:
        raise InputError(f"{path}: {error.errors()[0]['msg']}") from error


def read_metrics_path(path: Path) -> str | None:
    """Reads from a monitoring configuration where Prometheus' metrics are shown; `None` for nowhere.

    Raises:
      InputError: It cannot be read.
    """
    prometheus = _read(path, "MonitoringConfig").prometheus_config
    return (prometheus.path or _DEFAULT_METRICS_PATH) if prometheus.enable else None


def _read(path: Path, name: str) -> Any:
    from google.protobuf import text_format

    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), _message_class(name)())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise InputError(f"{path} holds no {name} in text format: {error}") from error


@cache
def _message_class(name: str) -> Any:
    from google.protobuf import descriptor_pool, message_factory, wrappers_pb2

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(_file())
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _file() -> Any:
    """The messages' fields, by their numbers."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

    file = FileDescriptorProto(name="recstack_server.proto", package=_PACKAGE, syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    kinds = FieldDescriptorProto

    def add(
        message: Any, name: str, number: int, kind: int, type_name: str | None = None, repeated: bool = False
    ) -> None:
        label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
        message.field.add(name=name, number=number, type=kind, type_name=type_name, label=label)

    batching = file.message_type.add(name="BatchingParameters")
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    for number, name in enumerate(names, start=1):
        add(batching, name, number, kinds.TYPE_MESSAGE, ".google.protobuf.Int64Value")
    add(batching, "thread_pool_name", 5, kinds.TYPE_MESSAGE, ".google.protobuf.StringValue")
    add(batching, "allowed_batch_sizes", 6, kinds.TYPE_INT64, repeated=True)
    add(batching, "pad_variable_length_inputs", 7, kinds.TYPE_BOOL)
    prometheus = file.message_type.add(name="PrometheusConfig")
    add(prometheus, "enable", 1, kinds.TYPE_BOOL)
    add(prometheus, "path", 2, kinds.TYPE_STRING)
    monitoring = file.message_type.add(name="MonitoringConfig")
    add(monitoring, "prometheus_config", 1, kinds.TYPE_MESSAGE, f".{_PACKAGE}.PrometheusConfig")
    return file
