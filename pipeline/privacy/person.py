"""One person, as stored data name them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import USER_ID

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_TELLING_LENGTH = 8
_TELLING_NUMBER_LENGTH = 16  # shorter ones are times and counts as well

# What an id may be a part of: letters of any script, digits, and what e-mail addresses are made of.
_WORD = rb"0-9A-Za-z_\x80-\xff"
_BEFORE = rb"(?<![" + _WORD + rb".@+-])"
_AFTER = rb"(?![" + _WORD + rb"@+]|[.-][" + _WORD + rb"])"


@dataclass(frozen=True)
class Person:
    """Finds one person's ids.

    Attributes:
      forms: What may stand for them in stored data: the pseudonym if ids are kept as such, and the id
        itself, which may have been kept before, or have got into a text.
    """

    forms: tuple[str, ...]

    @staticmethod
    def of(user_id: str, key: PseudonymKey | None) -> Person:
        """The person with an id of the source; `key` is that of the stored pseudonyms, if ids are such."""
        return Person((user_id,) if key is None else (key.pseudonym(user_id), user_id))

    @property
    def stored(self) -> str:
        """The form that data prepared now hold."""
        return self.forms[0]

    @property
    def telling(self) -> tuple[str, ...]:
        """The forms that mean nobody and nothing else wherever they stand; a short number may be an item."""
        return tuple(form for form in self.forms if _is_telling(form))

    def is_named_in(self, text: bytes) -> bool:
        """Whether a text has a form as a whole word."""
        return any(re.search(_word(form), text) for form in self.forms)

    def trace(self) -> re.Pattern[bytes]:
        """What betrays the person in any file: a telling form, or `user_id` of a serialized `tf.Example`."""
        patterns = [_anywhere(form) for form in self.telling]
        patterns += [re.escape(_example_feature(form)) for form in self.forms]
        return re.compile(b"|".join(patterns))


def _is_telling(form: str) -> bool:
    if form.isdigit():
        return len(form) >= _TELLING_NUMBER_LENGTH
    return len(form.encode()) >= _TELLING_LENGTH


def _word(form: str) -> bytes:
    return _BEFORE + re.escape(form.encode()) + _AFTER


def _anywhere(form: str) -> bytes:
    """A word, or a string as protocol buffers write it; a pseudonym wherever it stands."""
    value = re.escape(form.encode())
    if _PSEUDONYM.fullmatch(form):
        return value
    return _word(form) + b"|" + re.escape(_varint(len(form.encode()))) + value


def _example_feature(form: str) -> bytes:
    """The entry of `user_id` in a serialized `tf.Example`."""
    value = _field(_field(_field(form.encode())))  # Feature.bytes_list, BytesList.value
    name = _field(USER_ID.encode())
    return name + b"\x12" + value[1:]


def _field(content: bytes) -> bytes:
    """Field 1 of a message, with a length."""
    return b"\x0a" + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
