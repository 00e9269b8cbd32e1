"""Who may open what is sealed: recipients (public) and identities (secret), in the age format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.privacy.secret_files import read_secret, write_secret

if TYPE_CHECKING:
    from pyrage.x25519 import Identity, Recipient


def write_identity(path: Path) -> str:
    """Makes an identity.

    Args:
      path: A new file, mode 0600, as `age-keygen` writes it.

    Returns:
      The recipient to seal to: `age1...`.

    Raises:
      InputError: The file is there already, or cannot be written.
    """
    from pyrage import x25519

    identity = x25519.Identity.generate()
    recipient = str(identity.to_public())
    write_secret(path, f"# public key: {recipient}\n{identity}\n")
    return recipient


def read_identities(path: Path) -> list[Identity]:
    """Reads an identity file, one identity a line; `#` begins a comment.

    Raises:
      InputError: The file cannot be read, others may read it, or it holds no identity; the message does
        not show what it holds.
    """
    from pyrage import IdentityError, x25519

    lines = [line.strip() for line in read_secret(path).splitlines()]
    try:
        found = [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except IdentityError:
        found = []
    if not found:
        raise InputError(
            f"{path} is not an identity file: expected lines of AGE-SECRET-KEY-1..., as "
            "`recstack data key --kind age --output FILE` writes them"
        )
    return found


def parse_recipients(texts: list[str]) -> list[Recipient]:
    """Reads recipients.

    Raises:
      InputError: There are none, or one is none.
    """
    from pyrage import RecipientError, x25519

    if not texts:
        raise InputError("name at least one --recipient: nobody could open the file")
    recipients = []
    for text in texts:
        # An identity pasted by mistake must not show up in a message.
        if not text.startswith("age1"):
            raise InputError("a --recipient begins with age1; an identity file holds it in a comment")
        try:
            recipients.append(x25519.Recipient.from_str(text))
        except RecipientError as error:
            raise InputError(f"'{text}' is not a recipient: {error}") from None
    return recipients
