"""A trained retrieval module with items that training has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from serving.added_items import AddedItems
from serving.extended_corpus import ExtendedCorpus, before_the_last_row, fixed


class ExtendedRetrieval(tf.Module):
    """A loaded retrieval module whose corpus, and texts, hold added items as well.

    Queries are encoded as before: to the towers, an added item in a history is an unknown one.
    """

    def __init__(self, retrieval: Any, added: AddedItems, work_dir: Path):
        """Adds items; the arguments are those of :class:`ExtendedCorpus`, `retrieval` the whole module."""
        super().__init__(name="retrieval")
        self.queries = retrieval.queries
        self.corpus = ExtendedCorpus(retrieval.corpus, added, work_dir)
        self.text_embeddings = fixed(
            before_the_last_row(retrieval.text_embeddings.numpy(), added.text_embeddings)
        )
        self.temperature = retrieval.temperature
        # What the functions below use, so that it is saved with them; not the trained corpus' own tables.
        self._parts = [retrieval._item_transform, retrieval._layers, retrieval.corpus._item_lookup]
        self.embed_items = retrieval.embed_items
        self.item_texts = retrieval.item_texts
        self.embed_texts = retrieval.embed_texts
