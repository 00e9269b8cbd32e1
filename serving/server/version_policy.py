"""Which versions of a model a server is to have, of those that stand in its folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)
_LARGEST = 2**63 - 1


def version_number(name: str) -> int | None:
    """The version that a folder's name says, leading zeros and all; `None` if it is no int64."""
    if not _NUMBER.fullmatch(name):
        return None
    number = int(name)
    return number if -_LARGEST - 1 <= number <= _LARGEST else None


def versions_in(base_path: Path) -> dict[int, Path]:
    """The versions of a model, and their folders.

    Of two folders whose names say the same number, that whose name sorts last is taken.

    Raises:
      OSError: The folder cannot be listed.
    """
    found: dict[int, Path] = {}
    for path in sorted(base_path.iterdir(), key=lambda path: path.name):
        number = version_number(path.name)
        if number is None or not path.is_dir():
            continue
        if number in found:
            logger.warning(
                "Duplicate version directories detected. Version %d will be loaded from %s, %s will be "
                "ignored.",
                number,
                path.name,
                found[number].name,
            )
        found[number] = path
    return found


def aspired_versions(policy: Any, found: Mapping[int, Path]) -> dict[int, Path]:
    """Those that a policy wants.

    Args:
      policy: `ServableVersionPolicy` proto: `latest`, `all` or `specific`; without a choice, the newest.
      found: From :func:`versions_in`.
    """
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return dict(found)
    if choice == "specific":
        return {number: found[number] for number in policy.specific.versions if number in found}
    newest = sorted(found, reverse=True)[: max(policy.latest.num_versions, 1)]
    return {number: found[number] for number in newest}
