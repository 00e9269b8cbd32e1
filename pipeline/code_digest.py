"""A digest of our own source, so that changed code is not answered from the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def code_digest(*modules: str) -> str:
    """Digest of modules and packages.

    Args:
      *modules: Paths from the project's root: a file, or a folder that is read with its
        sub-folders.

    Returns:
      16 hexadecimal digits.
    """
    hasher = hashlib.sha256()
    for module in modules:
        path = _ROOT / module
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            hasher.update(file.relative_to(_ROOT).as_posix().encode())
            hasher.update(file.read_bytes())
    return hasher.hexdigest()[:16]
