"""The lists of a trained retrieval model that no bundle holds yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from serving.list_evaluation.listers import LIST_LENGTH
from serving.list_evaluation.requests import RequestBlock
from trainer.retrieval_module import query_inputs


class ModuleLister:
    """Asks a :class:`trainer.retrieval_module.RetrievalModule` by its own vocabularies, whatever they are."""

    def __init__(self, module: Any, item_ids: pa.Array):
        """Takes a model.

        Args:
          module: Loaded SavedModel.
          item_ids: [N] strings, the corpus in whose rows is answered.
        """
        self._queries = module.queries
        own = pa.array(module.corpus.item_ids.numpy(), pa.binary()).cast(pa.string())
        places = pc.index_in(item_ids, own)
        # [N] row of each item of the corpus in the model's own; that of the unknown item if it has none.
        self._rows = places.fill_null(len(own)).to_numpy().astype(np.int64)
        self._embeddings = tf.gather(module.corpus.embeddings, self._rows)

    def __call__(self, block: RequestBlock) -> np.ndarray:
        """Lists; see :data:`serving.list_evaluation.listers.Lister`."""
        raw = self._queries.parse_requests(tf.constant(block.examples))
        features = query_inputs(self._queries, self._queries.transform_queries(raw))
        queries = self._queries.encode_queries(features)
        scores = tf.matmul(queries, self._embeddings, transpose_b=True).numpy()
        scores[block.seen.astype(bool).toarray()] = -np.inf
        lists = tf.math.top_k(scores, min(LIST_LENGTH, scores.shape[1]))
        rows = np.where(np.isfinite(lists.values), lists.indices, -1).astype(np.int64)
        return np.pad(rows, ((0, 0), (0, LIST_LENGTH - rows.shape[1])), constant_values=-1)
