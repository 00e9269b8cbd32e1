"""Tables larger than a device: parted between parameter servers, they learn what they learn in one piece."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_parted_table_learns_what_a_whole_one_does(tmp_path):
    """One worker, so that steps come one after another; with several they overlap, and nothing is equal."""
    command = [sys.executable, "-m", "tests.trainer.partitioned_steps", str(tmp_path / "steps.npz")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    steps = np.load(tmp_path / "steps.npz")
    assert steps["rows"].tolist() == [7, 6]
    assert len({device.split("/device")[0] for device in steps["devices"].tolist()}) == 2
    assert steps["whole"][-1] < 0.5 * steps["whole"][0]
    np.testing.assert_allclose(steps["parted"], steps["whole"], rtol=1e-4)
    np.testing.assert_allclose(steps["parted_table"], steps["table"], atol=1e-4)
