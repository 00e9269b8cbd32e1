"""Whatever fits the OpenAPI document, and whatever does not, is answered as the document says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.keys import CallerKeys, Scope, add_key
from tests.gateway.listening import listening

EXAMPLES, SEED = 50, 42
ROOT = Path(__file__).parents[2]
HOOKS = "tests.gateway.schemathesis_hooks"


@pytest.mark.slow
def test_requests_of_all_kinds_are_answered_as_described(tmp_path):
    schemathesis = Path(sys.executable).with_name("schemathesis")
    key = add_key(tmp_path / "keys", "tester", list(Scope))
    limits = {"requests_per_second": 1e6}
    with listening(tmp_path, keys=CallerKeys(tmp_path / "keys"), limits=limits) as shop:
        done = subprocess.run(
            [
                schemathesis,
                "run",
                f"{shop.address}openapi.json",
                *("--header", f"Authorization: Bearer {key}"),
                *("--checks", "all"),
                *("--max-examples", str(EXAMPLES)),
                *("--seed", str(SEED)),
                *("--request-timeout", "60"),
                "--no-color",
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS},
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
