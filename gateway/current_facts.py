"""What the newest run left, while runs come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from gateway.run_facts import RunFacts
from pipeline.errors import RecstackError

logger = logging.getLogger(__name__)

_NEWEST = "newest"


class CurrentFacts:
    """Facts of a run, read anew when another version of its models answers."""

    def __init__(self, read: Callable[[], RunFacts]):
        """Reads them.

        Args:
          read: Collects them; called in other threads as well.
        """
        self._read = read
        self._facts = read()
        self._version: int | None = None
        self._reading = asyncio.Lock()

    async def of(self, versions: Mapping[str, int]) -> RunFacts:
        """The facts while these versions answer; those from before, if none answers or they cannot be read.

        Args:
          versions: What :meth:`gateway.gateway.Gateway.versions` gives.
        """
        async with self._reading:
            newest = versions.get(_NEWEST)
            if newest is not None and newest != self._version:
                self._version = newest
                try:
                    self._facts = await asyncio.to_thread(self._read)
                except (OSError, RecstackError) as error:
                    logger.warning("what the page says of the run stays as it is: %s", error)
            return self._facts
