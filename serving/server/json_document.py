"""Reads a JSON document as TensorFlow Serving's parser does, and complains with its words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from serving.server.json_value import value_text
from serving.server.status import Code, ServingError

_EMPTY = "The document is empty."
_NOT_SINGULAR = "The document root must not be followed by other values."
_INVALID = "Invalid value."
_NO_NAME = "Missing a name for object member."
_NO_COLON = "Missing a colon after a name of object member."
_NO_CURLY = "Missing a comma or } after an object member."
_NO_SQUARE = "Missing a comma or ] after an array element."
_BAD_HEX = "Incorrect hex digit after \\u escape in string."
_BAD_SURROGATE = "The surrogate pair in string is invalid."
_BAD_ESCAPE = "Invalid escape character in string."
_NO_QUOTE = "Missing a closing quotation mark in string."
_BAD_ENCODING = "Invalid encoding in string."
_TOO_BIG = "Number too big to be stored in double."
_NO_FRACTION = "Miss fraction part in number."
_NO_EXPONENT = "Miss exponent in number."
_TOO_DEEP = "Terminate parsing due to Handler error."  # a parser whose own handler gave up

# By how the message of Python's parser begins.
_MESSAGES = {
    "Extra data": _NOT_SINGULAR,
    "Expecting property name": _NO_NAME,
    "Expecting ':'": _NO_COLON,
    "Unterminated string": _NO_QUOTE,
    "Invalid control character": _BAD_ENCODING,
    "Invalid \\uXXXX": _BAD_HEX,
    "Invalid \\escape": _BAD_ESCAPE,
}
_LITERALS = ("true", "false", "null", "NaN", "Infinity")
_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
# Numbers that may be beyond a double: their text is looked at, since what they become is plain infinity.
_LARGE_EXPONENT = re.compile(rb"[eE]\+?\d{3}")
_DIGITS_AS_ZEROS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else byte for byte in range(256))
_MANY_ZEROS = b"0" * 200
# Short for what Python's parser takes in full only; strings are matched so that they stay as they are.
_SHORT_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|-NaN|Inf(?!inity)', re.DOTALL)
_LONG_CONSTANT = {"-NaN": "NaN", "Inf": "Infinity"}


def parse_document(body: bytes) -> dict[str, Any]:
    """Parses the body of a request.

    `NaN`, `Infinity` and `Inf` are numbers. Of members with one name the first counts. Bytes of strings that
    are not UTF-8 are kept, as lone surrogates (`surrogateescape`).

    Raises:
      ServingError: The body is no JSON object.
    """
    if not body:
        raise ServingError(Code.INVALID_ARGUMENT, "JSON Parse error: The document is empty")
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if _MAYBE_SURROGATE.search(text):
        _check_surrogates(text)
    document = _parsed(text, _bounded_float if _may_be_too_big(body) else None)
    if not isinstance(document, dict):
        raise ServingError(Code.INVALID_ARGUMENT, f"JSON Value: {value_text(document)} Is not object")
    return document


def _may_be_too_big(body: bytes) -> bool:
    """Whether a number of a body may be beyond a double; a look at all digits that takes next to no time."""
    return bool(_LARGE_EXPONENT.search(body)) or _MANY_ZEROS in body.translate(_DIGITS_AS_ZEROS)


def _parsed(text: str, parse_float: Callable[[str], float] | None) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_first_of_each, parse_float=parse_float)
    except json.JSONDecodeError as error:
        longer = _long_constants(text, error.pos)
        if longer is not None:
            return _parsed(longer, parse_float)
        raise _parse_error(text, *_fault(text, error)) from error
    except RecursionError as error:
        raise _parse_error(text, _TOO_DEEP, 0) from error
    except (ValueError, OverflowError) as error:  # an integer of thousands of digits, or a float too big
        raise _parse_error(text, _TOO_BIG, 0) from error


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else dict(reversed(pairs))


def _bounded_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise OverflowError(digits[:32])
    return number


def _long_constants(text: str, position: int) -> str | None:
    """The text with short constants written in full, if one of them is why parsing stopped there."""
    if not text.startswith(("Inf", "-Inf", "-NaN"), position) or text.startswith("-Infinity", position):
        return None
    longer = _SHORT_CONSTANT.sub(lambda match: _LONG_CONSTANT.get(match[0], match[0]), text)
    return longer if longer != text else None


def _check_surrogates(text: str) -> None:
    """Escapes of surrogates come in pairs, the high one first.

    Raises:
      ServingError: They do not.
    """
    expected = -1  # where the low one must begin
    for match in _ESCAPE.finditer(text):
        code = int(match[1], 16) if match[1] else 0
        is_low = 0xDC00 <= code < 0xE000
        if is_low != (match.start() == expected):
            break
        if expected >= 0 and not is_low:
            break
        expected = match.end() if 0xD800 <= code < 0xDC00 else -1
    else:
        if expected < 0:
            return
    raise _parse_error(text, _BAD_SURROGATE, 0)


def _fault(text: str, error: json.JSONDecodeError) -> tuple[str, int]:
    """The message for an error of Python's parser, and where it is."""
    position = error.pos
    if error.msg == "Expecting value":
        return (_INVALID, _after_literal(text, position)) if text.strip(" \n\r\t") else (_EMPTY, len(text))
    number = _broken_number(text, position)
    if number:
        return number, position + 1
    if error.msg.startswith("Expecting ','"):
        return _NO_SQUARE if _is_in_array(text, position) else _NO_CURLY, position
    if error.msg.startswith("Unterminated string"):
        position = len(text)
    return next(words for begin, words in _MESSAGES.items() if error.msg.startswith(begin)), position


def _after_literal(text: str, position: int) -> int:
    """How far a value can be read: a literal is compared letter by letter."""
    if text.startswith("-", position):
        position += 1
    longest = 0
    for literal in _LITERALS:
        same = 0
        while same < len(literal) and text.startswith(literal[same], position + same):
            same += 1
        longest = max(longest, same)
    return position + longest


def _broken_number(text: str, position: int) -> str | None:
    """Whether a number that was read stops at a fraction or an exponent without digits."""
    if not text[max(position - 1, 0) : position].isdigit():
        return None
    return {".": _NO_FRACTION, "e": _NO_EXPONENT, "E": _NO_EXPONENT}.get(text[position : position + 1])


def _is_in_array(text: str, position: int) -> bool:
    """Whether parsing stopped within a list: then it can be closed there."""
    try:
        json.loads(text[:position] + "]")
    except json.JSONDecodeError as error:
        return error.pos > position
    return True


def _parse_error(text: str, words: str, position: int) -> ServingError:
    offset = len(text[:position].encode("utf-8", "surrogateescape")) if position else 0
    return ServingError(Code.INVALID_ARGUMENT, f"JSON Parse error: {words} at offset: {offset}")
