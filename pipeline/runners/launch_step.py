"""Launches one task of a compiled pipeline in this environment, as Kubeflow's launcher does in a pod.

For schedulers that know no Kubeflow, such as Airflow: each task is a process, what it reads is looked up in
what the tasks before it left in the object store, and its container's own command is run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import InputError, RecstackError
from pipeline.runners.compiled_job import read_job


def launch(arguments: Sequence[str]) -> int:
    """Launches a task.

    Args:
      arguments: See `--help`.

    Returns:
      The exit code of the task.

    Raises:
      InputError: There is no such job or task, or one before it has not run.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.launch_step")
    parser.add_argument("--job", required=True, help="what `recstack compile` wrote, a path or an address")
    parser.add_argument("--task", required=True, help="the task to run")
    parser.add_argument("--run-id", required=True, help="the same for all tasks of a run")
    args = parser.parse_args(arguments)
    job = read_job(args.job)
    if args.task not in job.tasks:
        raise InputError(f"--task: there is no '{args.task}'; there are {', '.join(sorted(job.tasks))}")
    program, *words = job.command(args.task, args.run_id)
    interpreter = sys.executable if Path(program).name == "python" else program
    return subprocess.run([interpreter, *words], check=False).returncode


def main() -> None:
    """Entry point: errors become messages and exit codes."""
    try:
        sys.exit(launch(sys.argv[1:]))
    except RecstackError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
