"""`recstack data key`, `recstack data seal` and `recstack data unseal`."""

from __future__ import annotations

from pathlib import Path

from pipeline.console import out
from pipeline.privacy.sealing import seal, unseal


def make_key(output: Path, kind: str) -> None:
    """Writes a new key of the kind `pseudonym` or `age`, and says what may be known of it.

    Raises:
      InputError: The file is there already, or cannot be written.
    """
    if kind == "age":
        from pipeline.privacy.identities import write_identity

        out.print(f"{output}: opens what is sealed to\n{write_identity(output)}")
        return
    from pipeline.privacy.pseudonyms import PseudonymKey, write_key

    write_key(output)
    key = PseudonymKey.load(output)
    out.print(f"{output}: a pseudonym key{'' if key is None else f', fingerprint {key.fingerprint}'}")


def seal_path(path: Path, recipients: list[str], output: Path) -> None:
    """Encrypts a file or a folder; see :func:`pipeline.privacy.sealing.seal`."""
    seal(path, recipients, output)
    out.print(f"{output}: {path}, sealed; {path} itself is still there")


def unseal_file(path: Path, identity: Path, output: Path) -> None:
    """Decrypts; see :func:`pipeline.privacy.sealing.unseal`."""
    unseal(path, identity, output)
    out.print(f"{output}: what was sealed in {path}")
