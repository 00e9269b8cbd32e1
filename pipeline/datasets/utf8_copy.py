"""A copy of a text that is UTF-8, whatever the bytes are that it is made of."""

from __future__ import annotations

import codecs
import re
from typing import IO, Protocol

# Stands for each byte that is no UTF-8. It is no character, so that no text has it.
MARK = "\uffff"
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_BLOCK_BYTES = 1 << 24


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def copy_as_utf8(source: _Readable, target: IO[bytes]) -> None:
    """Copies bytes, with a mark for each one that is no UTF-8.

    A reader that takes nothing but UTF-8 can read the copy, and the marks tell which cells to mistrust.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while block := source.read(_BLOCK_BYTES):
        target.write(_ESCAPED_BYTE.sub(MARK, decoder.decode(block)).encode())
    target.write(_ESCAPED_BYTE.sub(MARK, decoder.decode(b"", final=True)).encode())
    target.flush()
