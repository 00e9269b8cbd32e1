"""Runs one step in its container: TFX's own entry point, with an object store around it.

Our executors, and half of TFX's, read and write paths. So a step gets copies of its inputs, writes to a
folder of its own, and what it wrote is uploaded when it is whole. Only a Beam step that runs on Dataflow is
told the addresses themselves: its workers are other machines, and Beam and TensorFlow know `gs://`.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from google.protobuf import json_format

from pipeline.config.environment import is_chief
from pipeline.errors import RecstackError, for_the_user
from pipeline.locking import exclusive

_LOCAL_RUNNERS = ("DirectRunner", "BundleBasedDirectRunner", "PrismRunner")


def run_step(arguments: Sequence[str]) -> None:
    """Runs a step.

    Args:
      arguments: As TFX writes them into a compiled pipeline.

    Raises:
      RecstackError: The step ended with a message for the user.
    """
    args, beam_args = _parser().parse_known_args(arguments)
    from pipeline.runners.executor_call import read_executor_input
    from pipeline.runners.staging import Staging

    call = read_executor_input(args.json_serialized_invocation_args)
    if _runs_elsewhere(beam_args):
        _execute(args, call, beam_args)
        return
    folder = Path(tempfile.gettempdir()) / "recstack" / args.executor_class_path
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / "lock"), Staging(folder / "step", delivers=is_chief()) as staging:
        _execute(args, staging.localise(call), beam_args)
        staging.deliver(call)


def _parser() -> argparse.ArgumentParser:
    """Those of TFX's options that it does not hand on to Beam."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.container_step", allow_abbrev=False)
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args")
    return parser


def _runs_elsewhere(beam_args: Sequence[str]) -> bool:
    """Whether a step's work is done by other machines."""
    runners = [arg.partition("=")[2] for arg in beam_args if arg.startswith("--runner=")]
    return bool(runners) and runners[-1] not in _LOCAL_RUNNERS


def _execute(args: argparse.Namespace, call: object, beam_args: list[str]) -> None:
    """Runs the executor.

    Raises:
      RecstackError: It ended with a message for the user.
    """
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    told = argparse.Namespace(
        **{**vars(args), "json_serialized_invocation_args": json_format.MessageToJson(call)}
    )
    try:
        kubeflow_v2_run_executor.main((told, beam_args))
    except Exception as error:
        message = for_the_user(error)
        if message is None:
            raise
        raise message from error


def main() -> None:
    """Entry point: errors become messages and exit codes."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        run_step(sys.argv[1:])
    except RecstackError as error:
        logging.getLogger(__name__).error("%s", error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
