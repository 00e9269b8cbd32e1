"""JSON bodies that nobody sends on purpose: valid ones with changes to values, keys and bytes."""

import json

from tests.serving.server.contract_cases import REST

ODD = [
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**400, 0.5, -0.0, 1e39,
    1e308, float("nan"), float("inf"), "", "a", "\x00", "ä\U0001f600", "\ud800", "x" * 5000, [], [[]],
    [[], []], {}, {"b64": "AA=="}, {"b64": "?"}, {"b64": 1}, {"b64": "AA==", "x": 1}, {"x": 1.0}, [1, "a"],
    [1, [1]],
    "serving_default", "type_int64", "type_string", "type_float16", "type_bool", "type_complex64", "several",
    "constant", "scalar", "empty", "classify_x_to_y", "regress_x_to_y2", "no",
]  # fmt: skip
KEYS = [
    "instances",
    "inputs",
    "examples",
    "context",
    "signature_name",
    "x",
    "a",
    "b",
    "b64",
    "",
    "ä",
    "scale",
]
PIECES = [
    b"", b"[", b"]" * 50, b"{", b"}", b'"', b"\\", b"\\ud800", b",", b":", b"-", b"1e999", b"NaN", b"-Inf",
    b"\xff\xfe", b"\x00", b"\xef\xbb\xbf", b"[" * 3000, b"9" * 5000, b"null", b" ",
]  # fmt: skip


def json_calls(draw, count):
    """Yields paths and bodies.

    Args:
      draw: `random.Random`.
      count: How many.
    """
    bases = [case for case in REST if case.body is not None]
    bases += [case for case in bases if case.status == 200] * 5
    for _ in range(count):
        base = draw.choice(bases)
        document = json.loads(json.dumps(base.body)) if not isinstance(base.body, str) else {"instances": [1]}
        for _ in range(draw.choice((0, 1, 1, 2, 4))):
            document = changed(draw, document)
        body = json.dumps(document, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
        for _ in range(draw.choice((0, 0, 1, 3))):
            body = damaged(draw, body)
        yield base.path, body


def changed(draw, value):
    """A copy of a document with one change somewhere in it."""
    if isinstance(value, dict) and value and draw.random() < 0.7:
        key = draw.choice(list(value))
        kind = draw.randrange(4)
        if kind == 0:
            return {name: entry for name, entry in value.items() if name != key}
        if kind == 1:
            return {**value, draw.choice(KEYS): draw.choice(ODD)}
        return {**value, key: changed(draw, value[key])}
    if isinstance(value, list) and value and draw.random() < 0.7:
        index = draw.randrange(len(value))
        kind = draw.randrange(4)
        if kind == 0:
            return value[:index] + value[index + 1 :]
        if kind == 1:
            return value * draw.choice((2, 50))
        return [*value[:index], changed(draw, value[index]), *value[index + 1 :]]
    nested = draw.choice(ODD)
    for _ in range(draw.choice((0, 0, 0, 1, 2, 40))):
        nested = [nested]
    return nested


def damaged(draw, body):
    """Bytes with a piece cut, put in, copied or changed."""
    start = draw.randrange(len(body) + 1)
    end = min(start + draw.randrange(1, 20), len(body))
    kind = draw.randrange(5)
    if kind == 0:
        return body[:start]
    if kind == 1:
        return body[:start] + body[end:]
    if kind == 2:
        return body[:start] + draw.choice(PIECES) + body[start:]
    if kind == 3:
        return body[:end] + body[start:end] * draw.choice((1, 100)) + body[end:]
    return body[:start] + bytes(draw.randrange(256) for _ in range(end - start)) + body[end:]
