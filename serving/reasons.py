"""What a recommendation was because of."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from serving.event_contributions import EXAMINED, EventContributions
from serving.shared_categories import SharedCategories

SHOWN_EVENTS = 3
LEAST_FALL = 1e-3  # of a score; what rounding makes is no reason

# [E, E]: whether the second of two events comes before the first in a list that begins with the newest.
_IS_NEWER = np.tri(EXAMINED, k=-1, dtype=bool)

_BECAUSE_IDS, _BECAUSE_TITLES = "because_item_ids", "because_titles"
_IDS, _TITLES, _WEIGHTS = "reason_item_ids", "reason_titles", "reason_weights"
_CATEGORIES, _CATEGORY_WEIGHTS = "shared_categories", "shared_category_weights"


class Reasons(tf.Module):
    """Names the events that a list's items owe the most to, and categories that they share with all."""

    def __init__(self, corpus: Any, contributions: EventContributions, categories: SharedCategories):
        """Takes the parts.

        Args:
          corpus: That of the loaded retrieval module.
          contributions: Of events to scores.
          categories: Of the corpus' items.
        """
        super().__init__(name="reasons")
        self._corpus = corpus
        self._contributions = contributions
        self._categories = categories
        self._num_items = int(corpus.item_ids.shape[0])

    def of(
        self, raw: dict[str, Any], queries: tf.Tensor, rows: tf.Tensor, wanted: tf.Tensor, seen: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The reasons of lists.

        Args:
          raw: Raw request features.
          queries: [B, dim] embeddings of the requests.
          rows: [B, W] int32 corpus rows.
          wanted: [B, W] bool: which items get reasons.
          seen: [B, S] int32 corpus rows of the whole history, padded with -1.

        Returns:
          Of the history, by how much the item's retrieval score falls without them: `reason_item_ids`,
          `reason_titles`, `reason_weights` [B, W, SHOWN_EVENTS], the first of them also as
          `because_item_ids`, `because_titles` [B, W]. Of the categories, see
          :meth:`serving.shared_categories.SharedCategories.shared`: `shared_categories`,
          `shared_category_weights` [B, W, ...]. "" and 0 where there are fewer.
        """
        embeddings = tf.gather(self._corpus.embeddings, rows)
        found = self._contributions.of(raw, queries, embeddings, tf.reduce_any(wanted, axis=1))
        # What a loaded function looks up has no rank that is known.
        events = tf.ensure_shape(self._corpus.lookup_items(found.item_ids), [None, None])
        seen = tf.ensure_shape(seen, [None, None])
        may_be = self._may_be(events, rows) & wanted[..., tf.newaxis]
        best = tf.math.top_k(tf.where(may_be, found.falls, 0.0), SHOWN_EVENTS)
        is_reason = best.values >= LEAST_FALL
        named = tf.gather(tf.clip_by_value(events, 0, self._num_items - 1), best.indices, batch_dims=1)
        item_ids = tf.where(is_reason, tf.gather(self._corpus.item_ids, named), "")
        titles = tf.where(is_reason, tf.gather(self._corpus.titles, named), "")
        categories, shares = self._categories.shared(rows, seen)
        shown = wanted[..., tf.newaxis]
        return {
            _BECAUSE_IDS: item_ids[..., 0],
            _BECAUSE_TITLES: titles[..., 0],
            _IDS: item_ids,
            _TITLES: titles,
            _WEIGHTS: tf.where(is_reason, best.values, 0.0),
            _CATEGORIES: tf.where(shown, categories, ""),
            _CATEGORY_WEIGHTS: tf.where(shown, shares, 0.0),
        }

    def _may_be(self, events: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """[B, W, E] bool: of events, [B, E] the newest first, which may be named for the items of lists.

        Each item of the corpus once, for its newest event, and never for itself.
        """
        known = (events >= 0) & (events < self._num_items)
        alike = tf.equal(events[:, :, tf.newaxis], events[:, tf.newaxis])
        is_first = ~tf.reduce_any(alike & _IS_NEWER, axis=2)
        return (known & is_first)[:, tf.newaxis] & (events[:, tf.newaxis] != rows[..., tf.newaxis])
