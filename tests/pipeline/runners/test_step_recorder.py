"""Time and memory of steps, as a run takes them down."""

import subprocess
import sys
import time

import pytest

from pipeline.runners.peak_memory import PeakMemory
from pipeline.runners.step_recorder import StepRecorder
from pipeline.runners.steps import Step, StepListener
from pipeline.step_record import read_step_records


class _Told(StepListener):
    def __init__(self):
        self.calls = []

    def planned(self, node_ids):
        self.calls.append(("planned", node_ids))

    def started(self, node_id):
        self.calls.append(("started", node_id))

    def finished(self, step):
        self.calls.append(("finished", step.node_id))


def test_a_run_that_ends_early_leaves_the_steps_before(tmp_path):
    told = _Told()
    recorder = StepRecorder(told, tmp_path / "steps")
    recorder.planned(["A", "BundleEvaluator", "C"])
    recorder.started("A")
    recorder.finished(Step("A", 2.0, False, {"model": "/x/artifacts/A/model/1"}, 300))
    recorder.finished(
        Step(
            "BundleEvaluator",
            3.0,
            True,
            {"bundle_evaluation": "/x/artifacts/BundleEvaluator/bundle_evaluation/2"},
        )
    )
    (record,) = read_step_records(tmp_path / "steps")
    assert [(s.node_id, s.reused, s.peak_rss_bytes) for s in record.steps] == [
        ("A", False, 300),
        ("BundleEvaluator", True, None),
    ]
    assert record.seconds == 5.0
    assert not record.is_whole
    assert record.evaluation == "artifacts/BundleEvaluator/bundle_evaluation/2"
    assert [name for name, _ in told.calls] == ["planned", "started", "finished", "finished"]


def test_records_are_read_by_time_and_what_is_none_is_left_out(tmp_path):
    for _ in range(2):
        StepRecorder(_Told(), tmp_path).planned(["A"])
    (tmp_path / "0.json").write_text('{"steps": 1}')
    first, second = read_step_records(tmp_path)
    assert first.started < second.started
    assert read_step_records(tmp_path / "not there") == []


@pytest.mark.parametrize("in_child", [False, True], ids=["here", "in a child"])
def test_memory_that_is_let_go_again_is_seen(in_child):
    size = 200 * 2**20
    with PeakMemory() as nothing:
        time.sleep(0.05)
    with PeakMemory() as memory:
        if in_child:
            code = f"import time; held = b'x' * {size}; time.sleep(0.6)"
            subprocess.run([sys.executable, "-c", code], check=True)
        else:
            held = b"x" * size
            time.sleep(0.3)
            del held
    assert memory.bytes - nothing.bytes > 0.9 * size
