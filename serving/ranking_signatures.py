"""The signatures of the ranking model."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from schemas.features import ITEM_ID, FeatureSet
from serving.history_request import HISTORY_SPEC, HistoryRequest
from serving.served_module import DEFAULT, ServedModule, Signatures
from serving.signature_function import EXAMPLES_SPEC, signature_function
from trainer.retrieval_module import query_inputs

_CANDIDATES_SPEC = tf.TensorSpec([None, None], tf.string, name="item_ids")


def ranking_signatures(retrieval: Any, ranking: Any, features: FeatureSet) -> Signatures:
    """`serving_default`, for a pair of query and `item_id` an example; `score_candidates` and
    `score_for_histories`, for several candidates a query.

    Args:
      retrieval: Loaded retrieval module.
      ranking: Loaded ranking module.
      features: The declared features.

    Returns:
      The module to save, and its signatures.
    """
    queries, corpus, request = retrieval.queries, retrieval.corpus, HistoryRequest(features)

    def score(raw: dict[str, Any], item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = query_inputs(queries, queries.transform_queries(raw))
        # No id is an unknown item's.
        rows = corpus.lookup_items(item_ids)
        rows = tf.where(rows < 0, corpus.item_ids.shape[0], rows)
        return ranking.rank(inputs, queries.encode_queries(inputs), rows)

    def score_candidates(examples: tf.Tensor, item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return score(queries.parse_requests(examples), item_ids)

    def score_for_histories(item_ids: tf.Tensor, **history: tf.Tensor) -> dict[str, tf.Tensor]:
        return score(request.raw(history), item_ids)

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        item = tf.io.parse_example(examples, {ITEM_ID: tf.io.FixedLenFeature([1], tf.string)})
        scores = score_candidates(examples, item[ITEM_ID])
        return {name: tf.squeeze(values, 1) for name, values in scores.items()}

    functions = {
        DEFAULT: signature_function(serving_default, [EXAMPLES_SPEC]),
        "score_candidates": signature_function(score_candidates, [EXAMPLES_SPEC, _CANDIDATES_SPEC]),
        "score_for_histories": signature_function(
            score_for_histories, [HISTORY_SPEC, _CANDIDATES_SPEC], request.optional
        ),
    }
    return ServedModule(queries=queries, corpus=corpus, ranking=ranking), functions
