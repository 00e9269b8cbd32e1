"""Attempts until one succeeds, the error is final, or the time is up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from serving.client.errors import ServingCallError
from serving.client.options import RetryPolicy

Answer = TypeVar("Answer")

_LOG = logging.getLogger(__name__)


def attempt_until(policy: RetryPolicy, seconds: float, attempt: Callable[[float], Answer]) -> Answer:
    """Makes attempts.

    Args:
      policy: How many, and what is waited between them.
      seconds: For all of them.
      attempt: Takes the seconds that are left.

    Returns:
      The first answer.

    Raises:
      ServingCallError: Of the last attempt.
    """
    end = time.monotonic() + seconds
    for delay in policy.delays():
        try:
            return attempt(end - time.monotonic())
        except ServingCallError as error:
            _raise_if_final(error, delay, end)
        time.sleep(delay)
    return attempt(end - time.monotonic())


async def attempt_until_async(
    policy: RetryPolicy, seconds: float, attempt: Callable[[float], Awaitable[Answer]]
) -> Answer:
    """Makes attempts, see :func:`attempt_until`; others run while it waits."""
    end = time.monotonic() + seconds
    for delay in policy.delays():
        try:
            return await attempt(end - time.monotonic())
        except ServingCallError as error:
            _raise_if_final(error, delay, end)
        await asyncio.sleep(delay)
    return await attempt(end - time.monotonic())


def _raise_if_final(error: ServingCallError, delay: float, end: float) -> None:
    """Raises an error that no further attempt can help, or has time to."""
    if not error.retriable or time.monotonic() + delay >= end:
        raise error
    _LOG.debug("the call failed with %s and is made again in %.3f s", error.code.name, delay)
