"""Copies that are UTF-8."""

import io

import pytest

from pipeline.datasets import utf8_copy
from pipeline.datasets.utf8_copy import MARK, copy_as_utf8


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 5, 1 << 20])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ""),
        ("a,é,用户,😀\n".encode(), "a,é,用户,😀\n"),
        ("é".encode("latin-1") + b"b", MARK + "b"),
        (b"\xff\xfea\x80", MARK * 2 + "a" + MARK),
        ("用".encode()[:2], MARK * 2),  # a character cut at the end
        (b"\xed\xb2\x80", MARK * 3),  # a surrogate, which no UTF-8 holds
    ],
)
def test_copies(content, expected, block_bytes, monkeypatch):
    monkeypatch.setattr(utf8_copy, "_BLOCK_BYTES", block_bytes)
    copy = io.BytesIO()
    copy_as_utf8(io.BytesIO(content), copy)
    assert copy.getvalue() == expected.encode()
