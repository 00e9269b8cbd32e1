"""Who was erased from a run's folder, so that they stay out although the source still has them."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import InputError
from pipeline.files import replaced
from pipeline.privacy.person import Person
from pipeline.privacy.pseudonyms import PseudonymKey

FILE_NAME = "erased.json"
_FORMAT = 1
_SALT_BYTES = 16


@dataclass(frozen=True)
class Erased:
    """One erased person.

    Attributes:
      digest: Salted digest of the id as it is stored.
      key: Fingerprint of the key of a pseudonym; `None` for a raw id.
      spans: Names of the prepared data that held the person.
      artifacts: Folders, relative to the run's, of the artifacts that were made of those data, to when
        that was found (seconds since 1970): what holds the person without naming them, like a model.
    """

    digest: str
    key: str | None
    spans: tuple[str, ...] = ()
    artifacts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ErasureList:
    """The erased people of a run's folder, in `erased.json`.

    It keeps salted SHA-256 digests of what is stored: a pseudonym's leads back to nobody; a raw id's
    can be found by trying, as the salt stands beside it.

    Attributes:
      path: The file.
      salt: Hexadecimal digits.
      people: Those who were erased, by digest.
    """

    path: Path
    salt: str
    people: dict[str, Erased] = field(default_factory=dict)

    @staticmethod
    def load(run_dir: Path) -> ErasureList:
        """Reads the list; an empty one if there is no file.

        Raises:
          InputError: The file cannot be read, or is not such a list.
        """
        path = run_dir / FILE_NAME
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if raw["format"] != _FORMAT:
                raise InputError(f"{path} has format {raw['format']}, and this version reads {_FORMAT}")
            people = [Erased(**{**person, "spans": tuple(person["spans"])}) for person in raw["people"]]
            return ErasureList(path, raw["salt"], {person.digest: person for person in people})
        except FileNotFoundError:
            return ErasureList(path, secrets.token_hex(_SALT_BYTES))
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not a list of erased people; restore it, or else erase each of them again"
            ) from error

    def digest(self) -> str:
        """Changes when somebody is erased; empty if nobody is. Belongs into the digest of prepared data."""
        return hashlib.sha256("".join(sorted(self.people)).encode()).hexdigest()[:16] if self.people else ""

    def check(self, key: PseudonymKey | None) -> None:
        """Refuses to let erased people come back under another key.

        Args:
          key: With which user ids are stored; `None` for raw ids.

        Raises:
          InputError: People were erased under another key, or as raw ids.
        """
        fingerprint = key.fingerprint if key else None
        stale = sum(person.key != fingerprint for person in self.people.values())
        if stale:
            raise InputError(
                f"{self.path} names {stale} erased {'person' if stale == 1 else 'people'} by another "
                "pseudonym key, or by raw id, and so cannot keep them out: give the key that they were "
                "erased with, or take them out of the source and remove the file"
            )

    def find(self, person: Person) -> Erased | None:
        """The entry of a person, if they were erased as they are stored now."""
        return self.people.get(self._digest(person.stored))

    def mask(self, user_ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Which rows are of erased people; each distinct id is hashed once.

        Args:
          user_ids: [N] strings as they are stored: pseudonyms, if there is a key. Nulls are nobody's.

        Returns:
          [N] bool.
        """
        if not self.people:
            return np.zeros(len(user_ids), np.bool_)
        distinct = user_ids.unique().drop_null()
        erased = [user_id for user_id in distinct.to_pylist() if self._digest(user_id) in self.people]
        chunks = user_ids.chunks if isinstance(user_ids, pa.ChunkedArray) else [user_ids]
        members = pa.array(erased, user_ids.type)
        masks = [np.asarray(pc.is_in(chunk, value_set=members)) for chunk in chunks]
        return np.concatenate(masks) if masks else np.zeros(0, np.bool_)

    def add(self, person: Person, key: PseudonymKey | None, spans: set[str], artifacts: set[str]) -> Erased:
        """Puts a person on the list in the file, or adds what else was found of them.

        Returns:
          The entry; this list stays as it was read.

        Raises:
          OSError: The file cannot be written.
        """
        digest = self._digest(person.stored)
        fingerprint = key.fingerprint if key else None
        known = self.people.get(digest, Erased(digest, fingerprint))
        now = time.time()
        entry = replace(
            known,
            spans=tuple(sorted({*known.spans, *spans})),
            artifacts={**known.artifacts, **{folder: now for folder in sorted(artifacts)}},
        )
        people = [vars(person) for person in {**self.people, digest: entry}.values()]
        text = json.dumps({"format": _FORMAT, "salt": self.salt, "people": people}, indent=2)
        with replaced(self.path) as file:
            file.write(text.encode())
        return entry

    def _digest(self, stored: str) -> str:
        return hashlib.sha256(f"{self.salt}:{stored}".encode()).hexdigest()
