"""The lines that a gateway logs, as `recstack gateway` writes them."""

import json
import logging
import queue
import sys
from contextlib import contextmanager

import pytest

from gateway.guard import ACCESS_LOGGER
from pipeline.commands.gateway import log_lines

_SECONDS = 60


class Lines:
    """What is logged, in place of a stream, until it is taken."""

    def __init__(self):
        self._written = queue.SimpleQueue()

    def write(self, text):
        self._written.put(text)

    def flush(self):
        """Nothing waits."""

    def take(self, wanted=0):
        """Lines, parsed: as many as are wanted, which may be under way, and all others that are there."""
        texts = [self._written.get(timeout=_SECONDS) for _ in range(wanted)]
        while not self._written.empty():
            texts.append(self._written.get())
        text = "".join(texts)
        assert text.isascii()
        assert text == "" or text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def logged():
    """Yields the lines."""
    root, access = logging.getLogger(), logging.getLogger(ACCESS_LOGGER)
    before, level = root.handlers[:], access.level
    lines = Lines()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", lines)
        log_lines()
    (own,) = root.handlers
    root.handlers[:] = [*before, own]
    try:
        yield lines
    finally:
        root.removeHandler(own)
        access.setLevel(level)
