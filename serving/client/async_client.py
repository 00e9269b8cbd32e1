"""A client whose answers are awaited."""

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
from serving.client.retries import attempt_until_async


class AsyncClient(ABC):
    """Calls a model server; tasks of one event loop may share it.

    What :class:`~serving.client.client.Client` says of methods and errors holds here too. A client is closed
    by `close` or by `async with`.
    """

    def __init__(self, codec: Codec, options: ClientOptions):
        self._codec = codec
        self._options = options

    async def predict(
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
        """Runs a signature; see :meth:`serving.client.client.Client.predict`."""
        target = ModelTarget(model, version, label)
        return await self._run(self._codec.predict(target, signature, inputs, outputs), timeout)

    async def status(
        self,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> tuple[VersionStatus, ...]:
        """States of the model's versions, or of one."""
        return await self._run(self._codec.status(ModelTarget(model, version, label)), timeout)

    async def metadata(
        self,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> ModelMetadata:
        """The model's version and signatures."""
        return await self._run(self._codec.metadata(ModelTarget(model, version, label)), timeout)

    @abstractmethod
    async def close(self) -> None:
        """Closes connections."""

    @abstractmethod
    async def _send(self, call: Call[Any], seconds: float) -> bytes:
        """Makes a call once.

        Raises:
          ServingCallError: It failed.
        """

    async def _run(self, call: Call[Answer], timeout: float | None) -> Answer:
        """Makes a call, again if need be, and reads the answer."""
        seconds = self._options.timeout if timeout is None else timeout
        body = await attempt_until_async(self._options.retry, seconds, lambda left: self._send(call, left))
        return read_answer(call, body)

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes it."""
        await self.close()
