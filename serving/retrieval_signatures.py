"""The signatures of the retrieval model: the towers and the index."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, FeatureSet
from serving.category_filter import CategoryFilter
from serving.history_request import HISTORY_SPEC, HistoryRequest
from serving.index import Index
from serving.reasons import Reasons
from serving.request_controls import CONTROL_SPECS, controls_for, controls_of_examples
from serving.retrieval_lists import RetrievalLists
from serving.served_module import DEFAULT, ServedModule, Signatures
from serving.signature_function import EXAMPLES_SPEC, signature_function

_ITEMS_SPEC = tf.TensorSpec([None], tf.string, name="item_ids")
_TEXT_SPEC = tf.TensorSpec([None], tf.string, name="text")


def retrieval_signatures(
    retrieval: Any, index: Index, category_filter: CategoryFilter, reasons: Reasons, features: FeatureSet
) -> Signatures:
    """`serving_default`, `top_k` and `for_histories`, for requests; `similar_items`; `search_text`;
    `embed_queries` and `embed_items`.

    Args:
      retrieval: Loaded retrieval module.
      index: Over its corpus embeddings.
      category_filter: Of its corpus.
      reasons: Says why items are there.
      features: The declared features.

    Returns:
      The module to save, and its signatures.
    """
    lists = RetrievalLists(retrieval, index, category_filter, reasons)
    request, parse = HistoryRequest(features), retrieval.queries.parse_requests

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return lists.for_requests(parse(examples), controls_of_examples(examples))

    def top_k(examples: tf.Tensor, **controls: tf.Tensor) -> dict[str, tf.Tensor]:
        return lists.for_requests(parse(examples), controls_for(tf.size(examples), controls))

    def for_histories(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        controls = controls_for(tf.shape(inputs[HISTORY_ITEM_IDS])[0], inputs)
        return lists.for_requests(request.raw(inputs), controls)

    def similar_items(item_ids: tf.Tensor, **controls: tf.Tensor) -> dict[str, tf.Tensor]:
        return lists.similar_items(item_ids, controls_for(tf.size(item_ids), controls))

    def search_text(text: tf.Tensor, **controls: tf.Tensor) -> dict[str, tf.Tensor]:
        return lists.for_texts(text, controls_for(tf.size(text), controls))

    def embed_queries(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embeddings": lists.encode(parse(examples))}

    def embed_items(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embeddings": retrieval.embed_items(examples)}

    functions = {
        DEFAULT: signature_function(serving_default, [EXAMPLES_SPEC]),
        "top_k": signature_function(top_k, [EXAMPLES_SPEC], CONTROL_SPECS),
        "for_histories": signature_function(
            for_histories, [HISTORY_SPEC], [*request.optional, *CONTROL_SPECS]
        ),
        "similar_items": signature_function(similar_items, [_ITEMS_SPEC], CONTROL_SPECS),
        "search_text": signature_function(search_text, [_TEXT_SPEC], CONTROL_SPECS),
        "embed_queries": signature_function(embed_queries, [EXAMPLES_SPEC]),
        "embed_items": signature_function(embed_items, [EXAMPLES_SPEC]),
    }
    return ServedModule(retrieval=retrieval, lists=lists), functions
