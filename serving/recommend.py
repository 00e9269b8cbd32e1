"""Recommendations from a pushed bundle, for one user or for many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipeline.config.environment import PSEUDONYM_KEY_VARIABLE
from pipeline.errors import InputError
from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import ITEM_ID, TITLE, USER_ID, VALUE
from serving.bundle_integrity import check_loaded_towers, check_sizes, check_towers, towers_of
from serving.layout import RECOMMENDER, SCANN, model_dir, version_dir, versions
from serving.manifest import Manifest, read_manifest

RANK = "rank"
RETRIEVAL_SCORE = "retrieval_score"
_FORMATS = (".csv", ".parquet")
_BATCH = 256


class BundleRecommender:
    """The newest version of a bundle, loaded.

    Attributes:
      version: Its number.
      tasks: The ranking tasks, name to kind.
    """

    def __init__(self, bundle: Path, key: PseudonymKey | None = None, stored_users: bool = False):
        """Loads the newest version.

        Args:
          bundle: Folder of the pushed versions.
          key: Of the pseudonyms, if the bundle knows users by such.
          stored_users: Whether users are given by the names under which the bundle stores them, pseudonyms
            or not; then no key is needed.

        Raises:
          InputError: There is no version, or the bundle's pseudonyms are of another key.
          BundleError: The version is damaged, or its index is of other towers than it has.
        """
        existing = versions(bundle)
        if not existing:
            raise InputError(f"no version of a bundle stands in {bundle}; make one with `recstack run`")
        self.version = existing[-1]
        folder = version_dir(bundle, self.version)
        manifest = read_manifest(folder)
        self.tasks = manifest.tasks
        made_with = None if stored_users else manifest.pseudonym_key
        self._key = key if made_with is not None else None
        _check_key(key, made_with)
        self._signatures = _load(folder, manifest).signatures

    def top_k(self, user_ids: list[str], k: int) -> pa.Table:
        """The best unseen items of each user, by the moment of the call.

        Args:
          user_ids: Known or unknown.
          k: Items a user; fewer where the corpus, or what the user has not seen of it, is smaller.

        Returns:
          `user_id`, `rank` from 1, `item_id`, `title`, `retrieval_score` and a score for each task;
          users in the given order.
        """
        from serving.signature_function import ask

        answers = ask(self._signatures["for_users"], user_id=self._stored(user_ids), k=[k], explain=[False])
        ranks = answers[RANK].numpy()
        users, positions = np.nonzero(ranks)  # rank 0 is a place that stayed empty
        flat = {name: values.numpy()[users, positions] for name, values in answers.items() if name != "known"}
        columns = {
            USER_ID: pa.array(user_ids, pa.string()).take(pa.array(users)),
            RANK: flat[RANK],
            ITEM_ID: _texts(flat["item_ids"]),
            TITLE: _texts(flat["titles"]),
            RETRIEVAL_SCORE: flat[RETRIEVAL_SCORE],
            **{name: flat[name] for name in self.tasks},
        }
        return pa.table(columns)

    def history(self, user_id: str, length: int) -> pa.Table | None:
        """A user's newest interactions, the newest first: `item_id`, `title` and, if there are
        values, `value`; `None` for an unknown user."""
        from serving.signature_function import ask

        answers = ask(self._signatures["user_history"], user_id=self._stored([user_id]), length=[length])
        if not answers["known"].numpy()[0]:
            return None
        count = int(answers["count"].numpy()[0])
        columns = {
            ITEM_ID: _texts(answers["item_ids"].numpy()[0, :count]),
            TITLE: _texts(answers["titles"].numpy()[0, :count]),
        }
        if "values" in answers:
            columns[VALUE] = pa.array(answers["values"].numpy()[0, :count])
        return pa.table(columns)

    def _stored(self, user_ids: list[str]) -> list[str]:
        """How the bundle knows users."""
        return user_ids if self._key is None else [self._key.pseudonym(user_id) for user_id in user_ids]


def _check_key(key: PseudonymKey | None, made_with: str | None) -> None:
    """Checks that a key is the one that a bundle's pseudonyms were made with."""
    if made_with is None or (key is not None and key.fingerprint == made_with):
        return
    given = "no key was given" if key is None else f"the key {key.fingerprint} was given"
    raise InputError(
        f"this bundle knows users by pseudonyms of the key {made_with}, and {given}; "
        f"name it in privacy.key_file or put it into {PSEUDONYM_KEY_VARIABLE}"
    )


def recommend_in_bulk(
    recommender: BundleRecommender,
    user_ids: list[str],
    k: int,
    output: Path,
    advance: Callable[[int], None],
) -> None:
    """Writes the recommendations of many users.

    The file appears whole or not at all; memory does not grow with the number of users.

    Args:
      recommender: The loaded bundle.
      user_ids: Whom to recommend to.
      k: Items a user.
      output: A `.csv` or `.parquet` file, see :meth:`BundleRecommender.top_k`; replaced if it is
        there.
      advance: Is told of each number of users done.

    Raises:
      InputError: The file cannot be written.
    """
    check_output(output)
    part = output.with_name(f".{output.name}.part")
    # The empty answer has the columns, also where there is nobody to recommend to.
    schema = recommender.top_k([], k).schema
    try:
        with _writer(part, schema, output.suffix.lower()) as write:
            for start in range(0, len(user_ids), _BATCH):
                batch = user_ids[start : start + _BATCH]
                write(recommender.top_k(batch, k))
                advance(len(batch))
        part.replace(output)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def check_output(output: Path) -> None:
    """Checks what can be checked of an output file before anything is computed.

    Raises:
      InputError: Its format is not known, or its folder is not there.
    """
    if output.suffix.lower() not in _FORMATS:
        raise InputError(f"cannot write {output}: its name must end in {' or '.join(_FORMATS)}")
    if not output.parent.is_dir():
        raise InputError(f"cannot write {output}: there is no folder {output.parent}")


def _load(folder: Path, manifest: Manifest) -> Any:
    """Loads a version's recommender; ScaNN's ops are registered first if it holds some.

    Hashing all files would take longer than loading them: that is left to `recstack doctor --bundle`.
    """
    check_sizes(folder, manifest)
    check_towers(manifest.towers, folder)
    import tensorflow as tf

    if manifest.index == SCANN:
        import scann  # noqa: F401
    path = model_dir(folder, manifest.index, RECOMMENDER)
    loaded = tf.saved_model.load(str(path))
    check_loaded_towers(towers_of(loaded.corpus, loaded.index), manifest, path)
    return loaded


def _texts(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.binary()).cast(pa.string())


@contextmanager
def _writer(path: Path, schema: pa.Schema, suffix: str) -> Iterator[Callable[[pa.Table], None]]:
    """Writes tables one after another."""
    if suffix == ".parquet":
        with pq.ParquetWriter(path, schema) as parquet:
            yield parquet.write_table
    else:
        with pa_csv.CSVWriter(path, schema) as csv:
            yield csv.write_table
