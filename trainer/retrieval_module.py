"""The trained retrieval model as a SavedModel that later steps and the bundle build upon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from schemas.features import ITEM_ID, TEXT
from trainer.corpus import Corpus
from trainer.graphs import graph_function
from trainer.item_lookup import ItemLookup
from trainer.request import ItemTransform, QueryTransform
from trainer.retrieval import RetrievalModel

_EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")


class QueryEncoder(tf.Module):
    """From requests to query embeddings; without the text tower, so that it is small.

    Functions:
      parse_requests: Serialized requests, [B] `tf.Example`s, to raw features, scalars dense and
        anything else sparse.
      transform_queries: Raw features to transformed ones.
      encode_queries: Transformed features to [B, embedding_dim + 1].
    """

    def __init__(self, model: RetrievalModel, transform: QueryTransform):
        """Takes the query side of a trained model.

        Args:
          model: Trained.
          transform: Of the interaction stream.
        """
        super().__init__(name="queries")
        self._transform = transform
        self._layers = [model.history_encoder, model.query_tower]
        self._layers += [x for x in (model.user_embedding, model.event_type_embedding) if x is not None]
        self._candidates = model.corpus_embeddings  # by which the history's items are known

        @graph_function(input_signature=[_EXAMPLES])
        def parse_requests(examples: tf.Tensor) -> dict[str, tf.Tensor | tf.SparseTensor]:
            return tf.io.parse_example(examples, transform.spec)

        self.parse_requests = parse_requests
        raw = parse_requests.get_concrete_function().structured_outputs
        self.transform_queries = graph_function(transform.__call__, input_signature=[_specs(raw)])
        transformed = self.transform_queries.get_concrete_function().structured_outputs
        self.encode_queries = graph_function(model.query_embeddings, input_signature=[_specs(transformed)])


class CorpusModule(tf.Module):
    """The candidates.

    Functions:
      lookup_items: Item ids of any shape to int32 corpus rows.

    Variables: `item_ids` [N], `titles` [N], and `embeddings` [N + 1, embedding_dim + 1], whose last
    row is that of an unknown item.
    """

    def __init__(self, corpus: Corpus, embeddings: tf.Variable, item_lookup: ItemLookup):
        """Takes the candidate side of a trained model.

        Args:
          corpus: The candidates.
          embeddings: Theirs.
          item_lookup: Ids to corpus rows.
        """
        super().__init__(name="corpus")
        self._item_lookup = item_lookup
        self.item_ids = tf.Variable(corpus.item_ids.astype(np.bytes_), trainable=False)
        self.titles = tf.Variable(corpus.titles.astype(np.bytes_), trainable=False)
        self.embeddings = embeddings
        self.lookup_items = graph_function(
            item_lookup.__call__, input_signature=[tf.TensorSpec(None, tf.string, name="item_ids")]
        )


class RetrievalModule(tf.Module):
    """The towers without an index, and the corpus.

    Functions:
      embed_items: Serialized raw items, [B] `tf.Example`s, to [B, embedding_dim + 1]; an item need
        not be in the corpus.
      item_texts: Serialized raw items, [B], to what the text tower reads of them, [B] strings.
      embed_texts: [B] strings to [B, hidden_dim] of length one, comparable with `text_embeddings`.

    Parts: `queries`, a :class:`QueryEncoder`, and `corpus`, a :class:`CorpusModule`.

    Variables: `text_embeddings` [N + 1, hidden_dim], the last row that of an empty text, and
    `temperature`.
    """

    def __init__(
        self,
        model: RetrievalModel,
        corpus: Corpus,
        item_lookup: ItemLookup,
        query_transform: QueryTransform,
        item_transform: ItemTransform,
    ):
        """Takes the parts of a trained model.

        Args:
          model: Trained, its `corpus_embeddings` fresh.
          corpus: The candidates.
          item_lookup: Ids to corpus rows.
          query_transform: Of the interaction stream.
          item_transform: Of the item stream.
        """
        super().__init__(name="retrieval")
        self.queries = QueryEncoder(model, query_transform)
        self.corpus = CorpusModule(corpus, model.corpus_embeddings, item_lookup)
        self.text_embeddings = tf.Variable(model.corpus_text_embeddings(), trainable=False)
        self.temperature = tf.Variable(model.temperature, trainable=False)
        self._item_transform = item_transform
        self._layers = [model.item_embedding, model.candidate_tower, model.text_tower]

        @graph_function(input_signature=[_EXAMPLES])
        def embed_items(examples: tf.Tensor) -> tf.Tensor:
            raw = tf.io.parse_example(examples, item_transform.spec)
            features = item_transform(raw)
            rows = item_lookup(raw[ITEM_ID])
            return model.candidate_embeddings(rows, features, model.text_tower(features[TEXT]))

        self.embed_items = embed_items
        self.embed_texts = graph_function(
            model.text_tower.__call__, input_signature=[tf.TensorSpec([None], tf.string, name="texts")]
        )

        @graph_function(input_signature=[_EXAMPLES])
        def item_texts(examples: tf.Tensor) -> tf.Tensor:
            return item_transform(tf.io.parse_example(examples, item_transform.spec))[TEXT]

        self.item_texts = item_texts


def query_specs(queries: Any) -> dict[str, tf.TensorSpec]:
    """The features that `encode_queries` of a loaded :class:`QueryEncoder` takes."""
    return queries.encode_queries.concrete_functions[0].structured_input_signature[0][0]


def query_inputs(queries: Any, features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Those of a batch's features that a loaded :class:`QueryEncoder` takes."""
    return {name: features[name] for name in query_specs(queries)}


def directions(embeddings: tf.Tensor) -> tf.Tensor:
    """[..., embedding_dim] of length one: embeddings of queries or candidates without popularity."""
    return tf.math.l2_normalize(embeddings[..., :-1], axis=-1)


def _specs(tensors: dict[str, Any]) -> dict[str, tf.TypeSpec]:
    """Input specs for a batch of any size like these tensors."""

    def spec(name: str, tensor: Any) -> tf.TypeSpec:
        shape = [None, *tensor.shape[1:]]
        if isinstance(tensor, tf.SparseTensor):
            return tf.SparseTensorSpec(shape, tensor.dtype)
        return tf.TensorSpec(shape, tensor.dtype, name=name)

    return {name: spec(name, tensor) for name, tensor in tensors.items()}
