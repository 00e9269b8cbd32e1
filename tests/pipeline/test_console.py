"""What the console shows of a run."""

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.console import StepReporter, seconds_text
from pipeline.progress import PROGRESS_LOGGER, RESULT_LOGGER
from pipeline.runners.steps import Step

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
    ],
)
def test_durations(seconds, text):
    assert seconds_text(seconds) == text


def _report(is_terminal):
    """Two steps: one that runs and tells, one that is reused."""
    text = io.StringIO()
    reporter = StepReporter(Console(file=text, force_terminal=is_terminal, width=100, color_system=None))
    with reporter.live():
        reporter.planned(["A", "items.B"])
        reporter.started("A")
        logging.getLogger(PROGRESS_LOGGER).info("epoch 1: loss [0.5]")
        logging.getLogger(RESULT_LOGGER).info("trial 1: 0.5")
        sys.stdout.write("a library's chatter\n")
        reporter.finished(Step("A", 12.3, False, {"model": "/a"}))
        reporter.started("items.B")
        reporter.finished(Step("items.B", 0.1, True, {"index": "/b"}))
    return text.getvalue(), reporter


def test_without_a_terminal_each_piece_of_news_is_a_line():
    text, reporter = _report(is_terminal=False)
    assert [line.split() for line in text.splitlines()] == [
        ["epoch", "1:", "loss", "[0.5]"],
        ["trial", "1:", "0.5"],
        ["✓", "A", "12", "s"],
        ["✓", "items.B", "reused"],
    ]
    assert reporter.summary == "1 of 2 steps ran, 1 were reused"
    assert reporter.outputs == {"model": "/a", "index": "/b"}


def test_a_terminal_keeps_the_finished_steps_and_the_results():
    text, _ = _report(is_terminal=True)
    assert text.count("      trial 1: 0.5\n") == 1
    assert "✓ A" in text
    assert "✓ items.B" in text
    assert "chatter" not in text


def test_the_progress_log_is_left_as_it_was():
    before = list(logging.getLogger(PROGRESS_LOGGER).handlers)
    _report(is_terminal=False)
    assert logging.getLogger(PROGRESS_LOGGER).handlers == before


def test_native_output_goes_to_the_file_and_ours_to_the_user(tmp_path):
    code = f"""
import os, sys
from pathlib import Path
from pipeline.console import native_output_to
with native_output_to(Path({str(tmp_path / "log")!r})) as console:
    os.write(1, b"native out\\n"); os.write(2, b"native err\\n"); print("printed")
    console.print("for the user")
print("after")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "for the user\nafter\n"
    assert done.stderr == ""
    assert sorted((tmp_path / "log").read_text().split(os.linesep)) == [
        "",
        "native err",
        "native out",
        "printed",
    ]
