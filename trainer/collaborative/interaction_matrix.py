"""Who engaged with what, as a sparse matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pipeline.errors import InputError
from schemas.features import ENGAGED, ITEM_ID, USER_ID
from trainer.item_lookup import ItemLookup
from trainer.streams import TransformedStream

_READ_BATCH = 8192


@dataclass(frozen=True)
class InteractionMatrix:
    """Who engaged with what; rows are the users who did anything, columns the corpus.

    Attributes:
      binary: [U, N] float32, 1 where a user engaged with an item, however often.
      values: [U, N] float32 of the same pattern: the mean of the values that the user gave the item;
        `None` if interactions have no value.
    """

    binary: sp.csr_matrix
    values: sp.csr_matrix | None = None

    @property
    def num_users(self) -> int:
        """Number of users."""
        return self.binary.shape[0]

    @property
    def num_items(self) -> int:
        """Number of items."""
        return self.binary.shape[1]


def interaction_matrix(
    users: np.ndarray, items: np.ndarray, num_items: int, values: np.ndarray | None = None
) -> InteractionMatrix:
    """Builds the matrix from interactions.

    Args:
      users: [M] any integers; each that occurs becomes a row, in rising order.
      items: [M] corpus rows.
      num_items: Size of the corpus.
      values: [M] what each interaction is worth, if anything is known of it.
    """
    _, rows = np.unique(users, return_inverse=True)
    shape = (int(rows.max()) + 1 if len(rows) else 0, num_items)
    counts = sp.csr_matrix((np.ones(len(rows)), (rows, items)), shape=shape)
    binary = sp.csr_matrix((np.ones(counts.nnz, np.float32), counts.indices, counts.indptr), shape=shape)
    if values is None:
        return InteractionMatrix(binary)
    sums = sp.csr_matrix((values.astype(np.float64), (rows, items)), shape=shape)  # of the same pattern
    means = (sums.data / counts.data).astype(np.float32)
    return InteractionMatrix(binary, sp.csr_matrix((means, sums.indices, sums.indptr), shape=shape))


def load_interaction_matrix(
    interactions: TransformedStream,
    item_lookup: ItemLookup,
    splits: Sequence[str],
    value_label: str | None = None,
) -> InteractionMatrix:
    """Reads what users engaged with.

    Left out are what was only shown, items outside the corpus, and users outside the vocabulary, all of
    whom share an index, so that they would be one user with the tastes of many.

    Args:
      interactions: The interaction stream.
      item_lookup: Ids to corpus rows.
      splits: Which splits are read.
      value_label: The transformed feature that holds an interaction's value, if any does.

    Raises:
      InputError: Nothing is left.
    """
    num_users = interactions.transform_output.vocabulary_size_by_name(USER_ID)
    parts = []
    for batch in _batches(interactions, item_lookup, splits, value_label):
        known = (batch[ENGAGED] > 0) & (batch[ITEM_ID] < item_lookup.num_items) & (batch[USER_ID] < num_users)
        parts.append({name: column[known] for name, column in batch.items()})
    if not sum(len(part[ITEM_ID]) for part in parts):
        raise InputError(
            f"no known user engaged with an item of the corpus in the splits {', '.join(splits)}, so that "
            "there is nothing to learn collaborative filtering from"
        )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    values = None if value_label is None else columns[value_label]
    return interaction_matrix(columns[USER_ID], columns[ITEM_ID], item_lookup.num_items, values)


def _batches(
    interactions: TransformedStream, item_lookup: ItemLookup, splits: Sequence[str], value_label: str | None
) -> Iterator[dict[str, np.ndarray]]:
    """The columns that are needed, and no histories, which are most of an example."""
    names = [USER_ID, ITEM_ID, ENGAGED] + ([] if value_label is None else [value_label])
    whole = interactions.transform_output.transformed_feature_spec()
    spec = {name: whole[name] for name in names}

    def parse(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = tf.io.parse_example(examples, spec)
        return {**features, ITEM_ID: item_lookup(features[ITEM_ID])}

    files = [file for split in splits for file in interactions.files(split)]
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_READ_BATCH)
    yield from dataset.map(parse, num_parallel_calls=2, deterministic=True).prefetch(2).as_numpy_iterator()
