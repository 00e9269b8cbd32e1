"""The named signatures of the three SavedModels.

`serving_default` always takes serialized `tf.Example`s and nothing else, and answers with the ten
best where there is a choice; the other signatures say how many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from schemas.features import ITEM_ID, TIMESTAMP, USER_ID
from serving.index import NOT_FOUND, Index
from serving.recommender import RETRIEVAL_SCORE_OUTPUT, Recommender
from trainer.graphs import graph_function
from trainer.retrieval_module import query_inputs

DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
DEFAULT_K = 10

_EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")
_K = tf.TensorSpec([], tf.int32, name="k")

Signatures = tuple[tf.Module, dict[str, Callable[..., Any]]]


class _Served(tf.Module):
    """Keeps what the signatures use, and nothing else, in the SavedModel."""

    def __init__(self, **parts: Any):
        super().__init__(name="served")
        for name, part in parts.items():
            setattr(self, name, part)


def retrieval_signatures(retrieval: Any, index: Index) -> Signatures:
    """The retrieval model: `serving_default`, `top_k`, `embed_queries`, `embed_items`.

    Args:
      retrieval: Loaded retrieval module.
      index: Over its corpus embeddings.

    Returns:
      The module to save, and its signatures.
    """
    queries, corpus = retrieval.queries, retrieval.corpus
    num_items = int(corpus.item_ids.shape[0])

    def encode(examples: tf.Tensor) -> tf.Tensor:
        features = queries.transform_queries(queries.parse_requests(examples))
        return queries.encode_queries(query_inputs(queries, features))

    @graph_function(input_signature=[_EXAMPLES, _K])
    def top_k(examples: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, rows = index.search(encode(examples), tf.clip_by_value(k, 0, num_items))
        found = rows != NOT_FOUND
        rows = tf.maximum(rows, 0)
        return {
            "item_ids": tf.where(found, tf.gather(corpus.item_ids, rows), ""),
            "titles": tf.where(found, tf.gather(corpus.titles, rows), ""),
            RETRIEVAL_SCORE_OUTPUT: scores,
        }

    @graph_function(input_signature=[_EXAMPLES])
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return top_k(examples, tf.constant(DEFAULT_K))

    @graph_function(input_signature=[_EXAMPLES])
    def embed_queries(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embeddings": encode(examples)}

    @graph_function(input_signature=[_EXAMPLES])
    def embed_items(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embeddings": retrieval.embed_items(examples)}

    functions = {
        DEFAULT: serving_default,
        "top_k": top_k,
        "embed_queries": embed_queries,
        "embed_items": embed_items,
    }
    return _Served(retrieval=retrieval, index=index), functions


def ranking_signatures(retrieval: Any, ranking: Any) -> Signatures:
    """The ranking model: `serving_default`, for a pair of query and `item_id` an example, and
    `score_candidates`, for several candidates a query.

    Args:
      retrieval: Loaded retrieval module.
      ranking: Loaded ranking module.

    Returns:
      The module to save, and its signatures.
    """
    queries, corpus = retrieval.queries, retrieval.corpus

    def score(examples: tf.Tensor, item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = query_inputs(queries, queries.transform_queries(queries.parse_requests(examples)))
        return ranking.rank(inputs, queries.encode_queries(inputs), corpus.lookup_items(item_ids))

    @graph_function(input_signature=[_EXAMPLES, tf.TensorSpec([None, None], tf.string, name="item_ids")])
    def score_candidates(examples: tf.Tensor, item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return score(examples, item_ids)

    @graph_function(input_signature=[_EXAMPLES])
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        item = tf.io.parse_example(examples, {ITEM_ID: tf.io.FixedLenFeature([1], tf.string)})
        return {name: tf.squeeze(values, 1) for name, values in score(examples, item[ITEM_ID]).items()}

    functions = {DEFAULT: serving_default, "score_candidates": score_candidates}
    return _Served(queries=queries, corpus=corpus, ranking=ranking), functions


def recommender_signatures(recommender: Recommender) -> Signatures:
    """The recommender: `serving_default` and `top_k`, from complete requests; `for_users` and
    `user_history`, from ids of users that were known when the bundle was made.

    Args:
      recommender: The whole path.

    Returns:
      The module to save, and its signatures.
    """

    @graph_function(input_signature=[_EXAMPLES, _K])
    def top_k(examples: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        return recommender.for_requests(examples, k)

    @graph_function(input_signature=[_EXAMPLES])
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return recommender.for_requests(examples, tf.constant(DEFAULT_K))

    user_ids = tf.TensorSpec([None], tf.string, name=USER_ID)

    @graph_function(input_signature=[user_ids, tf.TensorSpec([None], tf.int64, name=TIMESTAMP), _K])
    def for_users(user_id: tf.Tensor, timestamp: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        return recommender.for_users(user_id, timestamp, k)

    @graph_function(input_signature=[user_ids, tf.TensorSpec([], tf.int32, name="length")])
    def user_history(user_id: tf.Tensor, length: tf.Tensor) -> dict[str, tf.Tensor]:
        return recommender.user_history(user_id, length)

    functions = {
        DEFAULT: serving_default,
        "top_k": top_k,
        "for_users": for_users,
        "user_history": user_history,
    }
    return _Served(recommender=recommender), functions
