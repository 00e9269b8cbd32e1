"""How a command ends when something goes wrong."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape

from pipeline.console import err
from pipeline.errors import RecstackError

_INTERRUPTED = 130


def debugging() -> bool:
    """Whether the user asked for stack traces."""
    return "--debug" in sys.argv[1:]


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Ends the process with a message and an exit code; with a stack trace only if that was asked for."""
    if not debugging():
        warnings.simplefilter("ignore")  # they are for programmers
    try:
        yield
    except RecstackError as error:
        _end(str(error), error, error.exit_code)
    except KeyboardInterrupt:
        err.print(
            "[yellow]interrupted[/yellow]; what was finished is kept, and the next run goes on from there"
        )
        sys.exit(_INTERRUPTED)
    except Exception as error:
        message = f"a fault in the program: {type(error).__name__}: {error}\nrun again with --debug"
        _end(message, error, RecstackError.exit_code)


def _end(message: str, error: Exception, exit_code: int) -> None:
    """Ends the process with a message, and the stack trace if it was asked for."""
    if debugging():
        traceback.print_exception(error)
    err.print(f"[bold red]error:[/bold red] {escape(message)}")
    sys.exit(exit_code)
