"""Values of a JSON document: what they are called, how they are printed, and bytes among them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np

from serving.server.json_numbers import decimal_texts
from serving.server.status import Code, ServingError

_BASE64_KEY = "b64"
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_MAX_TEXT = 1000  # of a value in a message; documents may be megabytes
_TYPES = {type(None): "Null", dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}


def type_name(value: Any) -> str:
    """What a message calls the type of a value, such as `Null` or `Number`; `True` and `False` are types."""
    return str(value) if isinstance(value, bool) else _TYPES[type(value)]


def value_text(value: Any) -> str:
    """Prints a value for a message: a list or an object on several lines, and cut if it is long."""
    if isinstance(value, float):
        dtype = np.float32 if abs(value) <= np.finfo(np.float32).max else np.float64
        return decimal_texts(np.array([value], dtype))[0]
    parts, length = [], 0
    try:
        for part in json.JSONEncoder(indent=4, ensure_ascii=False).iterencode(value):
            parts.append(part)
            length += len(part)
            if length > _MAX_TEXT:
                break
    except RecursionError:
        length = _MAX_TEXT + 1
    text = "".join(parts)
    return text if length <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def is_base64(value: Any) -> bool:
    """Whether a value is `{"b64": "..."}`, which stands for bytes."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_BASE64_KEY), str)


def decoded_base64(value: Any) -> bytes:
    """The bytes that an object stands for.

    Raises:
      ServingError: It is not `{"b64": "..."}`, or the text is no base64.
    """
    if not is_base64(value):
        message = f"JSON Value: {value_text(value)} not formatted correctly for base64 data"
        raise ServingError(Code.INVALID_ARGUMENT, message)
    text = "".join(value[_BASE64_KEY].split())
    digits = text.rstrip("=")
    padding = -len(digits) % 4
    if padding == 3 or len(text) - len(digits) not in (0, padding) or not _BASE64.fullmatch(digits):
        raise ServingError(Code.INVALID_ARGUMENT, "Unable to base64 decode")
    return base64.b64decode(digits + "=" * padding)


def encoded_base64(content: bytes) -> str:
    """The text of bytes for `{"b64": "..."}`."""
    return base64.b64encode(content).decode()


def string_bytes(text: str) -> bytes:
    """A string of a document as it was sent; see :func:`serving.server.json_document.parse_document`."""
    return text.encode("utf-8", "surrogateescape")
