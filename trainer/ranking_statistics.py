"""What the log says of candidates and histories: counts, means, and how values differ from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, HISTORY_VALUES

Features = Mapping[str, tf.Tensor]

# Weight of what is usual in an item's or a user's own mean, counted in interactions.
_PRIOR_COUNT = 5.0


@dataclass(frozen=True)
class CandidateTables:
    """What the ranking model knows of each corpus row; the unknown item's row is the last.

    Attributes:
      embeddings: [N + 1, dim] retrieval embeddings, of length one.
      text_embeddings: [N + 1, hidden_dim] from the text tower.
      attributes: Transformed attributes, [N + 1] or [N + 1, values], and dense vectors.
      counts: [N + 1] interactions in the training split, exposures left out.
      value_sums: [N + 1] sum of their values.
    """

    embeddings: np.ndarray
    text_embeddings: np.ndarray
    attributes: dict[str, np.ndarray]
    counts: np.ndarray
    value_sums: np.ndarray

    @property
    def mean_value(self) -> float:
        """Mean value over all interactions; 0 without values."""
        return float(self.value_sums.sum() / max(self.counts.sum(), 1))


class OwnEvents(NamedTuple):
    """What the examples themselves add to their items' statistics.

    Attributes:
      counts: [B, K] float32, 1, or 0 for an exposure.
      values: [B, K] float32, the value of what is counted, else 0.
    """

    counts: tf.Tensor
    values: tf.Tensor


class ItemStatistics(NamedTuple):
    """Of candidates; [B, K] float32 each.

    Attributes:
      popularity: log(1 + interactions).
      deviation: How far the smoothed mean value is above that of all items, in standard deviations.
    """

    popularity: tf.Tensor
    deviation: tf.Tensor


class HistoryStatistics(NamedTuple):
    """Of histories; float32.

    Attributes:
      rows: [B, L] int32, items, 0 where there is none.
      present: [B, L], 0 where there is none, or one that the corpus does not hold.
      length: [B], log(1 + items).
      usual: [B], how far the user's values are above their items' means, smoothed, in standard deviations.
      spread: [B], root of the mean square of the values around that.
      residuals: [B, L], values above what the item's mean and `usual` let expect, in standard deviations.
    """

    rows: tf.Tensor
    present: tf.Tensor
    length: tf.Tensor
    usual: tf.Tensor
    spread: tf.Tensor
    residuals: tf.Tensor


class RankingStatistics:
    """Item and user means in the manner of Koren's baseline (2009), made from sums as they are asked for.

    A mean of the values is that of all + an item's deviation + a user's; the item's is smoothed by five
    interactions without a deviation, and so is the user's, which is taken from the values of the history.
    """

    def __init__(self, tables: CandidateTables, value_std: float):
        """Takes the sums.

        Args:
          tables: The candidates.
          value_std: Standard deviation of the values in the training split.
        """
        self.unknown = len(tables.counts) - 1
        self.mean_value = tables.mean_value
        self.value_std = max(value_std, 1e-6)
        self._counts = tf.constant(tables.counts, tf.float32)
        self._value_sums = tf.constant(tables.value_sums, tf.float32)

    def known_rows(self, rows: tf.Tensor) -> tf.Tensor:
        """Corpus rows, the unknown item's in place of -1."""
        return tf.where(rows < 0, self.unknown, rows)

    def items(self, rows: tf.Tensor, own: OwnEvents | None = None) -> ItemStatistics:
        """Statistics of candidates.

        Args:
          rows: int32 of any shape.
          own: Taken out, of the same shape.
        """
        counts, sums = tf.gather(self._counts, rows), tf.gather(self._value_sums, rows)
        if own is not None:
            counts, sums = tf.maximum(counts - own.counts, 0.0), sums - own.values
        means = (sums + _PRIOR_COUNT * self.mean_value) / (counts + _PRIOR_COUNT)
        return ItemStatistics(tf.math.log1p(counts), (means - self.mean_value) / self.value_std)

    def history(
        self, features: Features, rows: tf.Tensor | None = None, own: OwnEvents | None = None
    ) -> HistoryStatistics:
        """Statistics of the queries' histories; without values all that follows from them is 0.

        Args:
          features: Transformed query features, the history as corpus rows.
          rows: [B, 1], with `own`, the items of the examples.
          own: [B, 1], taken out of the items' statistics where a history holds the example's item too.
        """
        items = features[HISTORY_ITEM_IDS]
        present = tf.cast((items >= 0) & (items < self.unknown), tf.float32)
        items = tf.where(present > 0, items, 0)
        count = tf.reduce_sum(present, axis=1)
        above = tf.zeros_like(present)
        if HISTORY_VALUES in features:
            if own is not None:
                is_own = tf.cast(items == rows, tf.float32)
                own = OwnEvents(own.counts * is_own, own.values * is_own)
            values = (features[HISTORY_VALUES] - self.mean_value) / self.value_std
            above = tf.where(present > 0, values - self.items(items, own).deviation, 0.0)
        usual = tf.reduce_sum(above, axis=1) / (count + _PRIOR_COUNT)
        residuals = (above - usual[:, tf.newaxis]) * present
        spread = tf.sqrt(tf.reduce_sum(tf.square(residuals), axis=1) / (count + 1.0))
        return HistoryStatistics(items, present, tf.math.log1p(count), usual, spread, residuals)

    def pairs(
        self, rows: tf.Tensor, own: OwnEvents | None, history: HistoryStatistics
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Statistics of candidates beside those of the histories.

        The two are apart since from means of all events but one's own, and from whose they are, a network
        learns what its own value is that they lack, and that is of no use once it is asked.

        Args:
          rows: [B, K] int32.
          own: Taken out.
          history: Of the queries.

        Returns:
          Counts, [B, K, 2]: popularity and length; and means, [B, K, 3]: deviation, usual and spread.
        """
        items = self.items(rows, own)

        def repeated(x: tf.Tensor) -> tf.Tensor:
            return x[:, tf.newaxis] * tf.ones_like(items.deviation)

        counts = tf.stack([items.popularity, repeated(history.length)], axis=-1)
        means = [items.deviation, repeated(history.usual), repeated(history.spread)]
        return counts, tf.stack(means, axis=-1)


def similarity_statistics(candidates: tf.Tensor, history: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
    """How near candidates are to the nearest item of a history, and on average.

    Args:
      candidates: [B, K, dim] embeddings of length one.
      history: [B, L, dim], likewise.
      present: [B, L] float32, 0 where there is no item.

    Returns:
      [B, K, 2]; zeros without a history.
    """
    present = present[:, tf.newaxis]
    similarity = tf.einsum("bkd,bld->bkl", candidates, history) * present
    # Padding is no neighbour; without a history there is none.
    nearest = tf.reduce_max(similarity - 2.0 * (1.0 - present), axis=-1)
    nearest = tf.where(tf.reduce_any(present > 0, axis=-1), nearest, 0.0)
    mean = tf.math.divide_no_nan(tf.reduce_sum(similarity, axis=-1), tf.reduce_sum(present, axis=-1))
    return tf.stack([nearest, mean], axis=-1)
