"""Pseudonyms of user ids: a keyed hash, so that nobody without the key can go from id to pseudonym.

HMAC-SHA-256 (RFC 2104, FIPS 180-4), cut to 128 bits: two of a billion people share a pseudonym with a
probability of about 1.5e-21.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from pathlib import Path

import pyarrow as pa

from pipeline.config.environment import PSEUDONYM_KEY_VARIABLE, pseudonym_key
from pipeline.errors import InputError
from pipeline.privacy.secret_files import read_secret, write_secret

_MIN_BYTES = 32
_HEX_DIGITS = 32
_FINGERPRINT_DIGITS = 16
# No id encodes to these bytes, which are not UTF-8: the fingerprint is nobody's pseudonym.
_FINGERPRINT_LABEL = b"\xffrecstack pseudonym key"


class PseudonymKey:
    """A secret that turns user ids into pseudonyms.

    It may be pickled, and then travels with what was pickled: to workers, never to a file. Nothing else
    shows it.
    """

    def __init__(self, secret: bytes):
        """Takes the key.

        Args:
          secret: At least 32 bytes.

        Raises:
          InputError: They are fewer.
        """
        if len(secret) < _MIN_BYTES:
            raise InputError(
                f"a pseudonym key has at least {_MIN_BYTES} bytes, not {len(secret)}; "
                "`recstack data key --output FILE` makes one"
            )
        self._secret = secret

    def __repr__(self) -> str:
        """The fingerprint, never the key."""
        return f"PseudonymKey({self.fingerprint})"

    @staticmethod
    def load(key_file: Path | None) -> PseudonymKey | None:
        """Finds the key.

        Args:
          key_file: 64 or more hexadecimal digits, mode 0600. If there is none, the environment variable
            `RECSTACK_PSEUDONYM_KEY` is asked: hexadecimal digits, or else base64.

        Returns:
          The key, or `None` if neither is given.

        Raises:
          InputError: The file or the variable is not a key; the message does not show what it holds.
        """
        if key_file is not None:
            secret = _from_hex(read_secret(key_file).strip())
            return _checked(secret, f"the key file {key_file}", "hexadecimal digits")
        text = pseudonym_key()
        if text is None:
            return None
        secret = _from_hex(text.strip()) or _from_base64(text.strip())
        return _checked(secret, PSEUDONYM_KEY_VARIABLE, "hexadecimal digits or base64")

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell keys apart and do not lead back to them."""
        return self._hash(_FINGERPRINT_LABEL)[:_FINGERPRINT_DIGITS]

    def pseudonym(self, user_id: str) -> str:
        """32 hexadecimal digits for an id; every character of the id counts, case and spaces too."""
        return self._hash(user_id.encode())

    def pseudonyms(self, user_ids: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Pseudonyms of a column; each distinct id is hashed once.

        Args:
          user_ids: [N] strings; nulls stay null.

        Returns:
          [N] strings of 32 hexadecimal digits.

        Raises:
          TypeError: The ids are not strings.
        """
        kind = user_ids.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise TypeError(f"user ids must be strings, not {kind}")
        encoded = user_ids.dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            if encoded.num_chunks == 0:  # pyarrow 10 would keep it chunked
                return pa.array([], pa.string())
            encoded = encoded.unify_dictionaries().combine_chunks()
        distinct = [self.pseudonym(user_id) for user_id in encoded.dictionary.to_pylist()]
        return pa.array(distinct, pa.string()).take(encoded.indices)

    def _hash(self, message: bytes) -> str:
        return hmac.digest(self._secret, message, "sha256").hex()[:_HEX_DIGITS]


def write_key(path: Path) -> None:
    """Makes a key from the system's randomness.

    Args:
      path: A new file of 64 hexadecimal digits, mode 0600.

    Raises:
      InputError: The file is there already, or cannot be written.
    """
    write_secret(path, f"{secrets.token_hex(_MIN_BYTES)}\n")


def _checked(secret: bytes | None, where: str, expected: str) -> PseudonymKey:
    """The key, or a message that says where a wrong one came from."""
    if secret is None:
        raise InputError(
            f"{where} is not a pseudonym key: expected {2 * _MIN_BYTES} or more {expected}, as "
            "`recstack data key --output FILE` writes them"
        )
    try:
        return PseudonymKey(secret)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _from_hex(text: str) -> bytes | None:
    """The bytes of hexadecimal digits; `None` for anything else. The text gets into no exception."""
    return bytes.fromhex(text) if re.fullmatch(r"([0-9a-fA-F]{2})+", text) else None


def _from_base64(text: str) -> bytes | None:
    """The bytes of a base64 text; `None` for anything else."""
    if not text.isascii():
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def names_by(fingerprint: str | None) -> str:
    """By what users are named, for messages: a key with this fingerprint, or, with `None`, their raw ids."""
    return "their raw ids" if fingerprint is None else f"the pseudonym key {fingerprint}"
