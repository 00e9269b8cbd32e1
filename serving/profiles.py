"""What is known of each user when a bundle is made: attributes and the whole history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from schemas.features import (
    HISTORY_ITEM_IDS,
    HISTORY_TIMESTAMPS,
    HISTORY_VALUES,
    RARE_ITEM_ID,
    TIMESTAMP,
    USER_ID,
    DType,
    Encoding,
    Feature,
    FeatureSet,
    Stream,
)

_TF_TYPES = {DType.INT: tf.int64, DType.FLOAT: tf.float32}


class UserProfiles(tf.Module):
    """A table from user id to a complete request; an unknown user's is empty.

    It holds each user who has a history or attributes.
    """

    def __init__(
        self,
        histories: pa.Table,
        users: pa.Table,
        features: FeatureSet,
        item_ids: tf.Variable,
        work_dir: Path,
    ):
        """Builds the table.

        Args:
          histories: What each user engaged with, from :func:`pipeline.history.user_histories`.
          users: Canonical users; those without attributes may be missing.
          features: The declared features.
          item_ids: [N] ids in corpus order; histories refer to them.
          work_dir: Where the user vocabulary is written; it becomes an asset of a SavedModel.
        """
        super().__init__(name="user_profiles")
        without_history = users[USER_ID].filter(
            pc.invert(pc.is_in(users[USER_ID], histories[USER_ID].combine_chunks()))
        )
        ids = pa.concat_arrays([*histories[USER_ID].chunks, *without_history.chunks])
        # One more for what the corpus does not hold: ids that were folded.
        self._item_ids = tf.Variable(np.append(item_ids.numpy(), RARE_ITEM_ID.encode()), trainable=False)
        self._table = _lookup_table(ids, work_dir / "user_ids.txt")
        lengths = np.zeros(len(ids) + 1, np.int64)  # one more for an unknown user
        lengths[: histories.num_rows] = pc.list_value_length(histories[HISTORY_ITEM_IDS]).to_numpy()
        splits = np.append(0, np.cumsum(lengths))
        self._splits = tf.Variable(splits, dtype=tf.int64, trainable=False)
        self._rows = _corpus_rows(pc.list_flatten(histories[HISTORY_ITEM_IDS]), item_ids)
        # Each list beside the items: its values, and what they stand for if they are indices.
        self._lists = {
            feature.name: _list_values(feature, pc.list_flatten(histories[feature.name]))
            for feature in features.request_features()
            if feature.is_list and feature.name != HISTORY_ITEM_IDS
        }
        times = pc.list_flatten(histories[HISTORY_TIMESTAMPS]).to_numpy()
        self._newest = tf.Variable(_last_of_each(times, splits), dtype=tf.int64, trainable=False)
        positions = pc.index_in(ids, users[USER_ID].combine_chunks())
        self._attributes = _attributes(users.take(positions), features)

    def rows(self, user_ids: tf.Tensor) -> tf.Tensor:
        """[B] int64 rows of users; that after the last one for an unknown user."""
        return self._table.lookup(user_ids)

    def history_rows(self, user_ids: tf.Tensor) -> tf.RaggedTensor:
        """[B, (length)] int32 corpus rows of everything that the users did, oldest first.

        The row after the last one is that of all items whose ids were folded.
        """
        return tf.gather(self._ragged(self._rows), self.rows(user_ids))

    def history_values(self, user_ids: tf.Tensor) -> tf.RaggedTensor | None:
        """[B, (length)] float32 values beside :meth:`history_rows`; `None` without values."""
        return self._history_list(HISTORY_VALUES, user_ids) if HISTORY_VALUES in self._lists else None

    def _history_list(self, name: str, user_ids: tf.Tensor) -> tf.RaggedTensor:
        """[B, (length)] of a list beside :meth:`history_rows`."""
        values, words = self._lists[name]
        gathered = tf.gather(self._ragged(values), self.rows(user_ids))
        return gathered if words is None else tf.gather(words, gathered)

    def is_known(self, user_ids: tf.Tensor) -> tf.Tensor:
        """[B] bool: whether the table holds the users."""
        return self.rows(user_ids) < self._table.size()

    def newest_times(self, user_ids: tf.Tensor) -> tf.Tensor:
        """[B] int64 seconds of the newest event of :meth:`history_rows`; the smallest number without any."""
        return tf.gather(self._newest, self.rows(user_ids))

    def histories(self, user_ids: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        """The lists of :meth:`history_rows`, items by their ids and what lies beside; [B, (length)] each."""
        items = tf.gather(self._item_ids, self.history_rows(user_ids))
        return {
            HISTORY_ITEM_IDS: items,
            **{name: self._history_list(name, user_ids) for name in self._lists},
        }

    def raw_request(
        self,
        user_ids: tf.Tensor,
        timestamp: tf.Tensor,
        histories: Mapping[str, tf.RaggedTensor] | None = None,
    ) -> dict[str, tf.Tensor | tf.SparseTensor]:
        """The raw features of a request by each user.

        Args:
          user_ids: [B] strings.
          timestamp: [B] int64 seconds; 0 for now.
          histories: In place of :meth:`histories`, and as it has them.
        """
        rows = self.rows(user_ids)
        raw: dict[str, tf.Tensor | tf.SparseTensor] = {USER_ID: user_ids, TIMESTAMP: timestamp}
        for name, values in (self.histories(user_ids) if histories is None else histories).items():
            raw[name] = values.to_sparse()
        for name, (values, present) in self._attributes.items():
            raw[name] = _sparse_column(tf.gather(values, rows), tf.gather(present, rows))
        return raw

    def _ragged(self, values: tf.Variable) -> tf.RaggedTensor:
        return tf.RaggedTensor.from_row_splits(values, self._splits, validate=False)


def _lookup_table(user_ids: pa.Array, path: Path) -> tf.lookup.StaticHashTable:
    """Rows of user ids."""
    path.write_text("\n".join(user_ids.to_pylist()) + "\n", encoding="utf-8")
    initializer = tf.lookup.TextFileInitializer(
        str(path),
        key_dtype=tf.string,
        key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
        value_dtype=tf.int64,
        value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(initializer, default_value=len(user_ids))


def _corpus_rows(ids: pa.ChunkedArray, item_ids: tf.Variable) -> tf.Variable:
    """[E] int32 corpus rows of ids; that after the last one for an id that the corpus does not hold."""
    corpus = pa.array(item_ids.numpy(), pa.binary()).cast(pa.string())
    rows = pc.fill_null(pc.index_in(ids, corpus), len(corpus))
    return tf.Variable(rows.to_numpy(), dtype=tf.int32, trainable=False)


def _last_of_each(values: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """The last value of each row of int64 values; the smallest number of a row without any."""
    last = np.full(len(splits) - 1, np.iinfo(np.int64).min)
    is_filled = np.diff(splits) > 0
    last[is_filled] = values[splits[1:][is_filled] - 1]
    return last


def _list_values(feature: Feature, values: pa.ChunkedArray) -> tuple[tf.Variable, tf.Variable | None]:
    """[E] values of a list of the histories; of texts, which are few, indices, and the texts."""
    if feature.dtype != DType.STRING:
        dtype = _TF_TYPES[feature.dtype]
        return tf.Variable(values.to_numpy(), dtype=dtype, trainable=False), None
    words = pc.unique(values)
    indices = pc.index_in(values, words).to_numpy()
    # A table of no text at all could not be told from one of empty texts.
    encoded = [word.encode() for word in words.to_pylist()] or [b""]
    return (
        tf.Variable(indices, dtype=tf.int32, trainable=False),
        tf.Variable(np.array(encoded, dtype=np.bytes_), trainable=False),
    )


def _attributes(users: pa.Table, features: FeatureSet) -> dict[str, tuple[tf.Variable, tf.Variable]]:
    """Each attribute's values and presence, a row a user and one for an unknown user."""
    attributes = {}
    for feature in features.of(Stream.INTERACTIONS, Encoding.VOCABULARY, Encoding.NUMBER):
        if feature.name == USER_ID:
            continue
        column = users[feature.name]
        present = np.append(column.is_valid().to_numpy(), False)
        if feature.dtype == DType.STRING:
            values = np.append(column.fill_null("").to_pandas().str.encode("utf-8").to_numpy(), b"")
            variable = tf.Variable(values.astype(np.bytes_), trainable=False)
        else:
            variable = tf.Variable(
                np.append(column.fill_null(0).to_numpy(), 0), dtype=tf.float32, trainable=False
            )
        attributes[feature.name] = (variable, tf.Variable(present, trainable=False))
    return attributes


def _sparse_column(values: tf.Tensor, present: tf.Tensor) -> tf.SparseTensor:
    """[B, 1] with the values that are present."""
    rows = tf.where(present)[:, 0]
    indices = tf.stack([rows, tf.zeros_like(rows)], axis=1)
    return tf.SparseTensor(indices, tf.gather(values, rows), [tf.shape(values, tf.int64)[0], 1])
