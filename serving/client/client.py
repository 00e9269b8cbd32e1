"""A client that waits for its answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy.typing as npt
from typing_extensions import Self

from serving.client.call import DEFAULT_SIGNATURE, Answer, Call, Codec, Outputs, read_answer
from serving.client.model import ModelMetadata, ModelTarget, VersionStatus
from serving.client.options import ClientOptions
from serving.client.retries import attempt_until


class Client(ABC):
    """Calls a model server; threads may share it.

    Every method takes the model's name, a `version` or a `label` (by default the newest version is meant),
    and a `timeout` in seconds for the call with all its retries (by default that of the options), and raises
    :class:`~serving.client.errors.ServingCallError`. A client is closed by `close` or by `with`.
    """

    def __init__(self, codec: Codec, options: ClientOptions):
        self._codec = codec
        self._options = options

    def predict(
        self,
        model: str,
        inputs: Mapping[str, npt.ArrayLike],
        *,
        signature: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
        outputs: Sequence[str] = (),
        timeout: float | None = None,
    ) -> Outputs:
        """Runs a signature.

        Args:
          model: Its name.
          inputs: By name. Over gRPC, their types are the signature's: `np.float32([1])`, not `[1.0]`.
          signature: Of the model.
          version: Of the model.
          label: Of a version.
          outputs: Those wanted; none stand for all.
          timeout: Seconds.

        Returns:
          Outputs by name, strings as bytes objects, and the version that answered.
        """
        target = ModelTarget(model, version, label)
        return self._run(self._codec.predict(target, signature, inputs, outputs), timeout)

    def status(
        self,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> tuple[VersionStatus, ...]:
        """States of the model's versions, or of one."""
        return self._run(self._codec.status(ModelTarget(model, version, label)), timeout)

    def metadata(
        self,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> ModelMetadata:
        """The model's version and signatures."""
        return self._run(self._codec.metadata(ModelTarget(model, version, label)), timeout)

    @abstractmethod
    def close(self) -> None:
        """Closes connections."""

    @abstractmethod
    def _send(self, call: Call[Any], seconds: float) -> bytes:
        """Makes a call once.

        Raises:
          ServingCallError: It failed.
        """

    def _run(self, call: Call[Answer], timeout: float | None) -> Answer:
        """Makes a call, again if need be, and reads the answer."""
        seconds = self._options.timeout if timeout is None else timeout
        body = attempt_until(self._options.retry, seconds, lambda left: self._send(call, left))
        return read_answer(call, body)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()
