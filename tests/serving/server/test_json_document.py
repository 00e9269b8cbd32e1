"""JSON as TensorFlow Serving's parser takes it, with its words where it does not."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server.json_document import parse_document
from serving.server.status import Code, ServingError


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b" \n", "The document is empty. at offset: 2"),
        (b"instances = [1]", "Invalid value. at offset: 0"),
        (b'{"a":tru}', "Invalid value. at offset: 8"),
        (b'{"a":-}', "Invalid value. at offset: 6"),
        (b'{"a":[1,]}', "Invalid value. at offset: 8"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b"{a:1}", "Missing a name for object member. at offset: 1"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"\xc3\xa4":[1 2]}', "Missing a comma or ] after an array element. at offset: 9"),
        (b'{"a":[1,2', "Missing a comma or ] after an array element. at offset: 9"),
        (b'{"a":[[1],{"b":1]]}', "Missing a comma or } after an object member. at offset: 16"),
        (b'{"a":1 "b":2}', "Missing a comma or } after an object member. at offset: 7"),
        (b'{"a":1} x', "The document root must not be followed by other values. at offset: 8"),
        (b'{"a":1.}', "Miss fraction part in number. at offset: 7"),
        (b'{"a":[1e]}', "Miss exponent in number. at offset: 8"),
        (b'{"a":1e999}', "Number too big to be stored in double."),
        (b'{"a":' + b"1" * 310 + b".5}", "Number too big to be stored in double."),
        (b'{"a":' + b"1" * 5000 + b"}", "Number too big to be stored in double."),
        (b'{"a":"b', "Missing a closing quotation mark in string. at offset: 7"),
        (b'{"a":"\x01"}', "Invalid encoding in string."),
        (b'{"a":"\\x"}', "Invalid escape character in string."),
        (b'{"a":"\\u12"}', "Incorrect hex digit after \\u escape in string."),
        (b'{"a":"\\ud800"}', "The surrogate pair in string is invalid."),
        (b'{"a":"\\udc00"}', "The surrogate pair in string is invalid."),
        (b'{"a":"\\ud800\\n\\udc00"}', "The surrogate pair in string is invalid."),
        (b'{"a":' + b"[" * 100_000, "Terminate parsing due to Handler error."),
    ],
    ids=range(27),
)
def test_what_is_not_json_is_refused_in_the_words_of_the_contract(body, message):
    with pytest.raises(ServingError) as caught:
        parse_document(body)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.startswith(f"JSON Parse error: {message}")


def test_a_document_is_an_object():
    with pytest.raises(ServingError, match=r"JSON Value: \[\n    1\n\] Is not object"):
        parse_document(b"[1]")
    with pytest.raises(ServingError, match=r"JSON Value: 0.1 Is not object"):
        parse_document(b"0.1")


def test_numbers_may_be_endless_or_none():
    document = parse_document(b'{"a": [NaN, Infinity, -Infinity, Inf, -Inf, -NaN], "Inf": "-NaN"}')
    assert list(map(str, document["a"])) == ["nan", "inf", "-inf", "inf", "-inf", "nan"]
    assert document["Inf"] == "-NaN"


def test_of_members_with_one_name_the_first_counts():
    assert parse_document(b'{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}') == {"a": 1, "b": {"c": 2}}


def test_strings_keep_their_bytes():
    document = parse_document(b'\xef\xbb\xbf{"a": "\xff\\ud83d\\ude00", "b": "\\\\ud800"}')
    assert document["a"].encode("utf-8", "surrogateescape") == b"\xff" + "\U0001f600".encode()
    assert document["b"] == "\\ud800"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _same(left, right):
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, list | dict) and type(left) is type(right) and len(left) == len(right):
        keys = left if isinstance(left, dict) else range(len(left))
        return all(_same(left[key], right[key]) for key in keys)
    return left == right and type(left) is type(right)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.booleans())
@settings(max_examples=200)
def test_documents_come_through(document, ensure_ascii):
    text = json.dumps(document, ensure_ascii=ensure_ascii)
    assert _same(parse_document(text.encode("utf-8")), document)


PIECES = st.sampled_from(
    [
        *'{}[]:,"\\ \n-.eE0123456789',
        '"a"',
        "true",
        "nul",
        "NaN",
        "Inf",
        "-Inf",
        "\\u",
        "\\ud800",
        "\x00",
        "\xff",
    ]
)


@given(
    st.lists(PIECES, max_size=20).map("".join) | st.binary(max_size=20).map(lambda raw: raw.decode("latin-1"))
)
@settings(max_examples=500)
def test_any_bytes_are_a_document_or_refused(text):
    for body in (text.encode("latin-1"), b'{"a": ' + text.encode("latin-1")):
        try:
            assert isinstance(parse_document(body), dict)
        except ServingError as error:
            assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017  # most bodies raise, some do not
