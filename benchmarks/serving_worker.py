"""A process that calls, and does nothing else: a line of JSON tells it what, and it answers with one.

echo '{"kind": "gRPC", "model": "recommender", "where": 8500, ...}' | python -m benchmarks.serving_worker
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.serving_callers import IN_PROCESS, in_process_caller, remote_caller, requests
from benchmarks.serving_load import first_calls, load


def main() -> None:
    """Answers until there is nothing more to read."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    """Calls.

    Args:
      task: `kind`, `model`, `where` (a port, or the folder of a SavedModel), `rows`, `user_ids`; then
        `threads` and `seconds`, or `first` for how many calls are made one by one.
    """
    asked = requests(task["model"], task["rows"], task["user_ids"])
    if task["kind"] == IN_PROCESS:
        make_caller = in_process_caller(Path(task["where"]), task["model"], asked)
    else:
        make_caller = remote_caller(task["kind"], task["where"], task["model"], asked)
    if "first" in task:
        return {"milliseconds": first_calls(make_caller(), task["first"])}
    return load(make_caller, task["threads"], task["seconds"])


if __name__ == "__main__":
    main()
