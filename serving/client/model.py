"""What a server says of its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from serving.client.tensors import dtype_name

_STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True)
class ModelTarget:
    """The model that a call is for.

    Attributes:
      name: Of the model.
      version: Of the model; by default the newest one.
      label: Of a version, such as `stable`, in place of its number.
    """

    name: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        """Checks that the model is named, and the version once at most.

        Raises:
          ValueError: It is not so.
        """
        if not self.name:
            raise ValueError("a call needs the name of a model")
        if self.version is not None and self.label is not None:
            raise ValueError("a call is for a version or for a label, not for both")


@dataclass(frozen=True)
class VersionStatus:
    """State of a version of a model.

    Attributes:
      version: Its number.
      state: `START`, `LOADING`, `AVAILABLE`, `UNLOADING` or `END`.
      code: `OK`, or what loading it ended with.
      message: Why.
    """

    version: int
    state: str
    code: grpc.StatusCode
    message: str


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a signature.

    Attributes:
      dtype: `DT_FLOAT` and the like.
      shape: `None` for a dimension of any size; `None` altogether if the rank is unknown.
    """

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class SignatureSpec:
    """A signature of a model: its inputs and outputs by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    method_name: str


@dataclass(frozen=True)
class ModelMetadata:
    """A model's version and its signatures by name."""

    name: str
    version: int
    signatures: Mapping[str, SignatureSpec]


def version_statuses(response: Any) -> tuple[VersionStatus, ...]:
    """What a `GetModelStatusResponse` says."""
    return tuple(
        VersionStatus(
            version=status.version,
            state=_STATES.get(status.state, "UNKNOWN"),
            code=_CODES.get(status.status.error_code, grpc.StatusCode.UNKNOWN),
            message=status.status.error_message,
        )
        for status in response.model_version_status
    )


def signature_specs(signatures: Any) -> dict[str, SignatureSpec]:
    """What a `SignatureDefMap` says."""
    return {
        name: SignatureSpec(
            inputs={key: _tensor_spec(info) for key, info in signature.inputs.items()},
            outputs={key: _tensor_spec(info) for key, info in signature.outputs.items()},
            method_name=signature.method_name,
        )
        for name, signature in signatures.signature_def.items()
    }


def _tensor_spec(info: Any) -> TensorSpec:
    """What a `TensorInfo` says."""
    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(None if dim.size < 0 else dim.size for dim in shape.dim)
    return TensorSpec(dtype=dtype_name(info.dtype), shape=sizes)
