"""A call to a model server, before it is on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import grpc
import numpy.typing as npt
from google.protobuf.message import DecodeError

from serving.client.errors import call_error
from serving.client.model import ModelMetadata, ModelTarget, VersionStatus

DEFAULT_SIGNATURE = "serving_default"

Answer = TypeVar("Answer")
Arrays = dict[str, npt.NDArray[Any]]


class Outputs(Arrays):
    """Outputs of a signature by name.

    Attributes:
      version: Of the model that answered; `None` where neither the answer nor the call says it: over REST,
        where no version was asked for.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], version: int | None = None):
        """Takes both."""
        super().__init__(arrays)
        self.version = version


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A call.

    Attributes:
      path: Of the gRPC method, or of the URL.
      body: What is sent; `None` for a GET.
      read: Makes the answer of what comes back; a `ValueError` if it cannot.
    """

    path: str
    body: bytes | None
    read: Callable[[bytes], Answer]


class Codec(Protocol):
    """Makes calls of one protocol."""

    def predict(
        self,
        target: ModelTarget,
        signature: str,
        inputs: Mapping[str, npt.ArrayLike],
        outputs: Sequence[str],
    ) -> Call[Outputs]:
        """Runs a signature; no `outputs` stand for all."""

    def status(self, target: ModelTarget) -> Call[tuple[VersionStatus, ...]]:
        """States of a model's versions, newest first."""

    def metadata(self, target: ModelTarget) -> Call[ModelMetadata]:
        """Signatures of a model."""


def read_answer(call: Call[Answer], body: bytes) -> Answer:
    """Makes the answer of what came back.

    Raises:
      ServingCallError: It is not what such a call is answered with.
    """
    try:
        return call.read(body)
    except (ValueError, KeyError, TypeError, AttributeError, DecodeError) as error:
        raise call_error(grpc.StatusCode.INTERNAL, f"the answer cannot be read: {error}") from error
