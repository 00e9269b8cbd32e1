"""Lines of a log: one a record, whatever it says."""

import json
import logging

import pytest

from serving.server.json_logs import JsonFormatter


@pytest.mark.parametrize(
    "message",
    ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\x9b2Jb", "a\x00b", "a\x85b", "a\u2028b", "\u202eab", "é"],
)
def test_a_record_is_one_line_of_plain_characters(message):
    line = JsonFormatter().format(logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "x"}))
    assert json.loads(line)["message"] == message
    assert line.isascii()
    assert line.isprintable()
    assert len(line.splitlines()) == 1
