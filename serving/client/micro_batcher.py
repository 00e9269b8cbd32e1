"""Many small calls as few larger ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import numpy as np
import numpy.typing as npt

from serving.client.call import DEFAULT_SIGNATURE, Arrays, Outputs
from serving.client.errors import BadRequestError, ServingCallError, call_error
from serving.client.rows import pad_columns
from serving.client.tensors import as_array


class AsyncPredictor(Protocol):
    """What runs signatures, awaited."""

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
        """See :meth:`serving.client.client.Client.predict`."""


@dataclass(eq=False)
class _Waiting:
    """A call that waits for its batch.

    Attributes:
      inputs: [rows, ...] each.
      num_rows: Of all of them.
      end: When its time is up, by the monotonic clock.
      answer: What it waits for.
    """

    inputs: Arrays
    num_rows: int
    end: float
    answer: asyncio.Future[Outputs]


@dataclass(eq=False)
class _Batch:
    """Calls that may be joined: of one signature, with inputs of the same names, types and widths."""

    arguments: dict[str, Any]
    calls: list[_Waiting] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None

    @property
    def num_rows(self) -> int:
        """Of all its calls."""
        return sum(call.num_rows for call in self.calls)


class MicroBatcher:
    """Joins calls of several tasks along the first dimension, and gives each its rows of the answer.

    A call that makes its batch fail as a bad request fails alone: the batch's calls are then made one by one.
    """

    def __init__(
        self,
        client: AsyncPredictor,
        *,
        max_batch_size: int = 32,
        max_delay: float = 0.002,
        timeout: float = 5.0,
        pad_variable_lengths: bool = False,
    ):
        """Wraps a client.

        Args:
          client: Makes the calls; whoever made it closes it.
          max_batch_size: Rows of a call at most, unless a single call has more.
          max_delay: Seconds that a call waits for others at most.
          timeout: Seconds for a call that gives none.
          pad_variable_lengths: Whether lists, [rows, N], of different N are joined too: the shorter are
            filled up with empty strings or zeros. Signatures of our bundles take that.
        """
        self._client = client
        self._max_batch_size = max_batch_size
        self._max_delay = max_delay
        self._timeout = timeout
        self._pad = pad_variable_lengths
        self._open: dict[tuple[Any, ...], _Batch] = {}
        self._running: set[asyncio.Task[None]] = set()

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
        """Runs a signature whose inputs and outputs all have a first dimension of as many rows.

        Raises:
          ValueError: The inputs have not.
          ServingCallError: As the client's.
        """
        arrays = {name: as_array(values) for name, values in inputs.items()}
        seconds = self._timeout if timeout is None else timeout
        answer = asyncio.get_running_loop().create_future()
        call = _Waiting(arrays, _num_rows(arrays), time.monotonic() + seconds, answer)
        target = {"model": model, "signature": signature, "version": version, "label": label}
        self._add(call, {**target, "outputs": tuple(outputs)})
        try:
            return await asyncio.wait_for(answer, seconds)
        except asyncio.TimeoutError:
            raise call_error(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer came in time") from None

    async def close(self) -> None:
        """Sends what waits, and waits for all answers."""
        for key in list(self._open):
            self._send(key)
        await asyncio.gather(*self._running)

    def _add(self, call: _Waiting, arguments: dict[str, Any]) -> None:
        """Puts a call into its batch; sends the batch once it is full."""
        key = (*arguments.values(), *sorted(self._form(name, array) for name, array in call.inputs.items()))
        waiting = self._open.get(key)
        if waiting is not None and waiting.num_rows + call.num_rows > self._max_batch_size:
            self._send(key)
        batch = self._open.setdefault(key, _Batch(arguments))
        batch.calls.append(call)
        if batch.num_rows >= self._max_batch_size:
            self._send(key)
        elif batch.timer is None:
            batch.timer = asyncio.get_running_loop().call_later(self._max_delay, self._send, key)

    def _form(self, name: str, array: npt.NDArray[Any]) -> tuple[Any, ...]:
        """What an input must have in common with another."""
        width = () if self._pad and array.ndim == 2 else array.shape[1:]
        return name, array.dtype.str, array.ndim, width

    def _send(self, key: tuple[Any, ...]) -> None:
        """Closes a batch, and has it sent."""
        batch = self._open.pop(key)
        if batch.timer is not None:
            batch.timer.cancel()
        task = asyncio.get_running_loop().create_task(self._run(batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, batch: _Batch) -> None:
        """Makes the call of a batch, and hands out the answers."""
        calls = [call for call in batch.calls if not call.answer.done()]  # the others' time is up
        if not calls:
            return
        left = max(call.end for call in calls) - time.monotonic()
        try:
            outputs = await self._client.predict(inputs=_joined(calls), timeout=left, **batch.arguments)
            parts = _split(outputs, [call.num_rows for call in calls])
        except BadRequestError as error:
            if len(calls) == 1:
                _settle(calls[0], error)
            else:
                await asyncio.gather(*(self._run(_Batch(batch.arguments, [call])) for call in calls))
        except Exception as error:  # whatever it is, those who wait must hear of it
            for call in calls:
                _settle(call, error)
        else:
            for call, part in zip(calls, parts, strict=True):
                _settle(call, part)


def _settle(call: _Waiting, result: Outputs | Exception) -> None:
    """Gives a call its result, unless it waits no longer."""
    if call.answer.done():
        return
    if isinstance(result, Exception):
        call.answer.set_exception(result)
    else:
        call.answer.set_result(result)


def _num_rows(arrays: Arrays) -> int:
    """The first dimension that all inputs have."""
    sizes = {array.shape[0] if array.ndim else None for array in arrays.values()}
    size = next(iter(sizes), None)
    if len(sizes) != 1 or size is None:
        raise ValueError("calls can be joined whose inputs have as many rows each")
    return size


def _joined(calls: Sequence[_Waiting]) -> Arrays:
    """Inputs of all calls, one below the other."""
    joined = {}
    for name, first in calls[0].inputs.items():
        arrays = [call.inputs[name] for call in calls]
        if first.ndim == 2:
            width = max(array.shape[1] for array in arrays)
            arrays = [pad_columns(array, width) for array in arrays]
        joined[name] = np.concatenate(arrays)
    return joined


def _split(outputs: Outputs, sizes: Sequence[int]) -> list[Outputs]:
    """Each call's rows of the outputs.

    Raises:
      ServingCallError: An output has more or fewer rows.
    """
    total = sum(sizes)
    for name, array in outputs.items():
        if array.ndim == 0 or len(array) != total:
            message = f"{total} rows were asked for, and {name} has the shape {list(array.shape)}"
            raise ServingCallError(grpc.StatusCode.INTERNAL, message)
    edges = np.cumsum(sizes)[:-1]
    parts = {name: np.split(array, edges) for name, array in outputs.items()}
    return [
        Outputs({name: arrays[place] for name, arrays in parts.items()}, outputs.version)
        for place in range(len(sizes))
    ]
