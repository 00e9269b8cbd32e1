"""The lists of a model of a bundle, by its signature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from serving.list_evaluation.listers import LIST_LENGTH
from serving.list_evaluation.requests import RequestBlock
from serving.request_controls import EXPLAIN, FILTER_SEEN
from serving.signature_function import ask


class ModelLister:
    """Asks the signature `top_k` of a loaded SavedModel, as a client would."""

    def __init__(self, model: Any, item_ids: pa.Array, drops_seen: bool):
        """Takes a model.

        Args:
          model: Loaded SavedModel.
          item_ids: [N] strings, the corpus in whose rows is answered.
          drops_seen: Whether the model leaves out the history itself; otherwise it is told not to, and enough
            is asked for to do it here.
        """
        self._top_k = model.signatures["top_k"]
        self._item_ids = item_ids
        self._drops_seen = drops_seen
        # An older bundle has no such control.
        takes = self._top_k.structured_input_signature[1]
        self._without_reasons = {EXPLAIN: [False]} if EXPLAIN in takes else {}

    def __call__(self, block: RequestBlock) -> np.ndarray:
        """Lists; see :data:`serving.list_evaluation.listers.Lister`."""
        k = LIST_LENGTH if self._drops_seen else LIST_LENGTH + int(block.seen.getnnz(axis=1).max())
        seen_too = {} if self._drops_seen else {FILTER_SEEN: [False]}
        answers = ask(self._top_k, examples=block.examples, k=[k], **seen_too, **self._without_reasons)
        ids = pa.array(answers["item_ids"].numpy().ravel(), pa.binary()).cast(pa.string())
        rows = pc.index_in(ids, self._item_ids).fill_null(-1).to_numpy().astype(np.int64)
        return without_seen(rows.reshape(len(block.examples), -1), block.seen, LIST_LENGTH)


def without_seen(lists: np.ndarray, seen: sp.csr_matrix, k: int) -> np.ndarray:
    """The first places of lists, closed up where something seen was.

    Args:
      lists: [B, L] rows, best first; -1 for none, which keeps its place.
      seen: [B, N].
      k: How many places.

    Returns:
      [B, k].
    """
    requests = np.arange(len(lists))[:, np.newaxis]
    is_seen = (lists >= 0) & seen.astype(bool).toarray()[requests, np.maximum(lists, 0)]
    order = np.argsort(is_seen, axis=1, kind="stable")[:, :k]
    kept = np.take_along_axis(np.where(is_seen, -1, lists), order, axis=1)
    return np.pad(kept, ((0, 0), (0, k - kept.shape[1])), constant_values=-1)
