"""Errors that are meant for people, and the exit codes they end a command with.

| code | meaning                                                    |
|------|------------------------------------------------------------|
| 0    | done                                                       |
| 1    | a fault in the program; run again with `--debug`           |
| 2    | bad configuration, input or usage; nothing was computed    |
| 3    | the gate refused the new version; the old one stays        |
| 4    | the data break their schema or rules, and nothing was      |
|      | trained; or somebody who was erased is still found         |
| 5    | the environment cannot run the stack; `recstack doctor`    |
| 6    | a bundle is damaged, cannot be served, or its parts do not |
|      | belong together; `recstack doctor --bundle`                |
"""

from __future__ import annotations


class RecstackError(Exception):
    """An error with a message for the user: what was wrong, where, and what to do."""

    exit_code = 1


class InputError(RecstackError):
    """The configuration, a file or an argument cannot be used."""

    exit_code = 2


class GateError(RecstackError):
    """The trained version was not good enough to be pushed."""

    exit_code = 3


class AnomalyError(RecstackError):
    """The data break the curated schema, or too many rows the cleaning rules."""

    exit_code = 4


class DriftError(AnomalyError):
    """The data keep their schema, and have moved from what was known."""


class StillFoundError(RecstackError):
    """Files still hold a person who was to be erased."""

    exit_code = 4


class StackError(RecstackError):
    """The environment cannot run the stack."""

    exit_code = 5


class BundleError(RecstackError):
    """A bundle is damaged, cannot be served, or its parts do not belong together."""

    exit_code = 6


def for_the_user(error: BaseException) -> RecstackError | None:
    """The message for the user inside the errors that TFX and Beam wrapped around it; `None` if none is."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RecstackError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
