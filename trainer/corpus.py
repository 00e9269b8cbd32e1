"""The candidate corpus: every item's transformed features, in the order of the item vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from schemas.features import ITEM_ID, TEXT, TITLE, Encoding, FeatureSet, Stream, cross_name
from trainer.settings import TrainerSettings
from trainer.streams import TransformedStream

CORPUS_SPLIT = "corpus"

_READ_BATCH = 4096


@dataclass(frozen=True)
class Corpus:
    """The items stream in memory: row i is the item with vocabulary index i.

    One row more than there are items stands for an item that the corpus does not hold.

    Attributes:
      item_ids: [N] bytes.
      titles: [N] bytes, for showing.
      texts: [N] bytes, what the text tower reads.
      features: Name to [N + 1] or [N + 1, values], the attributes and dense vectors of each
        item; the last row is that of an unknown item, all of them absent.
    """

    item_ids: np.ndarray
    titles: np.ndarray
    texts: np.ndarray
    features: dict[str, np.ndarray]

    @property
    def num_items(self) -> int:
        """Number of items, the unknown one not counted."""
        return len(self.item_ids)


def corpus_of(items: TransformedStream, settings: TrainerSettings) -> Corpus:
    """The corpus of a run's item stream; see :func:`load_corpus`."""
    return load_corpus(
        items.files(CORPUS_SPLIT),
        items.transform_output,
        settings.feature_set,
        settings.features.number_buckets,
    )


def load_corpus(
    files: Sequence[str], transform_output: tft.TFTransformOutput, features: FeatureSet, number_buckets: int
) -> Corpus:
    """Reads the transformed items stream.

    Args:
      files: Gzipped TFRecord files of transformed examples.
      transform_output: Of the items stream.
      features: The declared features.
      number_buckets: Quantile buckets of a number; this index means absent.

    Returns:
      The corpus in vocabulary order.

    Raises:
      ValueError: The examples and the vocabulary do not hold the same items.
    """
    columns = _read(files, transform_output)
    vocabulary = transform_output.vocabulary_by_name(ITEM_ID)
    rows = columns[ITEM_ID]
    if not np.array_equal(np.sort(rows), np.arange(len(vocabulary))):
        raise ValueError(
            f"the items stream has {len(rows)} rows that do not match its {len(vocabulary)} item ids"
        )
    order = np.argsort(rows)
    columns = {name: values[order] for name, values in columns.items()}
    return Corpus(
        item_ids=np.array(vocabulary, dtype=object),
        titles=columns[TITLE],
        texts=columns[TEXT],
        features=_with_unknown_row(columns, features, number_buckets),
    )


def _read(files: Sequence[str], transform_output: tft.TFTransformOutput) -> dict[str, np.ndarray]:
    """All columns of the transformed examples, in the order of the files."""
    spec = transform_output.transformed_feature_spec()
    dataset = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    batches = list(dataset.batch(_READ_BATCH).map(lambda x: tf.io.parse_example(x, spec)).as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in spec}


def _with_unknown_row(
    columns: dict[str, np.ndarray], features: FeatureSet, number_buckets: int
) -> dict[str, np.ndarray]:
    """The attributes, with the row of an unknown item appended."""
    absent: dict[str, float] = {}
    for feature in features.of(Stream.ITEMS, Encoding.VOCABULARY):
        if feature.name != ITEM_ID:
            absent[feature.name] = -1
    for feature in features.of(Stream.ITEMS, Encoding.NUMBER):
        absent[feature.name] = 0.0
        absent[feature.bucket_name] = number_buckets
    for pair in features.crosses_of(Stream.ITEMS):
        absent[cross_name(*pair)] = -1
    for feature in features.of(Stream.ITEMS, Encoding.VECTOR):
        absent[feature.name] = 0.0
    return {
        name: np.concatenate([columns[name], np.full_like(columns[name][:1], value)])
        for name, value in absent.items()
    }
