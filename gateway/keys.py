"""The keys of callers: who may ask for what.

A file holds a line a key: its name, what it may do, and the SHA-256 of the key, which has 256 random bits,
so that its hash need not be a slow one. The key itself is shown once, when it is made.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pipeline.errors import InputError
from pipeline.files import replaced
from pipeline.privacy.secret_files import read_secret, write_secret

_PREFIX = "rsk_"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Scope(str, Enum):
    """What a key opens."""

    RECOMMEND = "recommend"
    EVENTS = "events"
    PEOPLE = "people"  # a person's data, and their erasure


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
      name: Of the key; of somebody without one, their address.
      scopes: What they may ask for.
    """

    name: str
    scopes: frozenset[Scope]


class CallerKeys:
    """The keys of a file."""

    def __init__(self, file: Path):
        """Reads them.

        Raises:
          InputError: The file cannot be read, others may read it, or it is damaged.
        """
        self._callers = dict(_parsed(line, file) for line in read_secret(file).splitlines() if line.strip())
        if not self._callers:
            raise InputError(f"{file} holds no key; `recstack gateway key` makes one")

    def caller(self, key: str) -> Caller | None:
        """Whose key that is; `None` for nobody's."""
        return self._callers.get(_digest(key))


def add_key(file: Path, name: str, scopes: Collection[Scope]) -> str:
    """Makes a key, and adds it to a file.

    Args:
      file: With mode 0600; it is made if need be.
      name: Of the key, for logs and limits.
      scopes: What it opens.

    Returns:
      The key, which cannot be had again.

    Raises:
      InputError: The name is none, or taken; or the file cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"a key's name has 1 to 64 of A-Z a-z 0-9 . _ -, and is not '{name}'")
    if not scopes:
        raise InputError(f"say what the key may do: {', '.join(scope.value for scope in Scope)}")
    key = f"{_PREFIX}{secrets.token_urlsafe(32)}"
    line = f"{name} {','.join(sorted(scope.value for scope in scopes))} {_digest(key)}\n"
    if not file.exists():
        write_secret(file, line)
        return key
    content = read_secret(file)
    if any(line.split()[:1] == [name] for line in content.splitlines()):
        raise InputError(f"{file} has a key named {name} already; take its line out to revoke it")
    with replaced(file) as changed:
        changed.write((content.rstrip("\n") + "\n" + line).encode("ascii"))
    return key


def _parsed(line: str, file: Path) -> tuple[str, Caller]:
    """Digest and caller of a line; what it holds gets into no message."""
    try:
        name, scopes, digest = line.split()
        return digest, Caller(name, frozenset(Scope(scope) for scope in scopes.split(",")))
    except ValueError:
        raise InputError(f"{file} is damaged: a line must be NAME SCOPE,SCOPE SHA256") from None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
