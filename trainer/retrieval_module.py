"""The trained retrieval model as a SavedModel that later steps and the bundle build upon."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from schemas.features import ITEM_ID, TEXT
from trainer.corpus import Corpus
from trainer.item_lookup import ItemLookup
from trainer.request import ItemTransform, QueryTransform
from trainer.retrieval import RetrievalModel


class RetrievalModule(tf.Module):
    """The towers without an index, and the corpus.

    Functions:
      lookup_items: Item ids of any shape to int32 corpus rows.
      parse_requests: Serialized requests, [B] `tf.Example`s, to raw features, scalars dense and
        anything else sparse.
      transform_queries: Raw features to transformed ones.
      encode_queries: Transformed features to [B, embedding_dim].
      embed_items: Serialized raw items, [B] `tf.Example`s, to [B, embedding_dim]; an item need
        not be in the corpus.

    Variables: `item_ids` [N], `titles` [N], `corpus_embeddings` [N + 1, embedding_dim] and
    `text_embeddings` [N + 1, hidden_dim], where the last row is that of an unknown item, and
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
        self.item_lookup = item_lookup
        self.item_ids = tf.Variable(corpus.item_ids.astype(np.bytes_), trainable=False)
        self.titles = tf.Variable(corpus.titles.astype(np.bytes_), trainable=False)
        self.corpus_embeddings = model.corpus_embeddings
        self.text_embeddings = tf.Variable(model.corpus_text_embeddings(), trainable=False)
        self.temperature = tf.Variable(tf.exp(model.log_temperature), trainable=False)
        self._query_transform = query_transform
        self._item_transform = item_transform
        self._model = _Parts(model)
        self.lookup_items = tf.function(
            item_lookup.__call__, input_signature=[tf.TensorSpec(None, tf.string, name="item_ids")]
        )
        self._add_functions(model)

    def _add_functions(self, model: RetrievalModel) -> None:
        """Traces the functions that the SavedModel offers."""
        examples = tf.TensorSpec([None], tf.string, name="examples")

        @tf.function(input_signature=[examples])
        def parse_requests(examples: tf.Tensor) -> dict[str, tf.Tensor | tf.SparseTensor]:
            return tf.io.parse_example(examples, self._query_transform.spec)

        self.parse_requests = parse_requests
        raw = parse_requests.get_concrete_function().structured_outputs
        self.transform_queries = tf.function(self._query_transform.__call__, input_signature=[_specs(raw)])
        transformed = self.transform_queries.get_concrete_function().structured_outputs
        self.encode_queries = tf.function(model.query_embeddings, input_signature=[_specs(transformed)])

        @tf.function(input_signature=[examples])
        def embed_items(examples: tf.Tensor) -> tf.Tensor:
            raw = tf.io.parse_example(examples, self._item_transform.spec)
            features = self._item_transform(raw)
            rows = self.item_lookup(raw[ITEM_ID])
            return model.candidate_embeddings(rows, features, model.text_tower(features[TEXT]))

        self.embed_items = embed_items


def query_input_names(retrieval: Any) -> list[str]:
    """Names of the features that a loaded module's `encode_queries` takes."""
    return sorted(retrieval.encode_queries.concrete_functions[0].structured_input_signature[0][0])


def _specs(tensors: dict[str, Any]) -> dict[str, tf.TypeSpec]:
    """Input specs for a batch of any size like these tensors."""

    def spec(name: str, tensor: Any) -> tf.TypeSpec:
        shape = [None, *tensor.shape[1:]]
        if isinstance(tensor, tf.SparseTensor):
            return tf.SparseTensorSpec(shape, tensor.dtype)
        return tf.TensorSpec(shape, tensor.dtype, name=name)

    return {name: spec(name, tensor) for name, tensor in tensors.items()}


class _Parts(tf.Module):
    """The model's layers and variables, without Keras' wrappers around them."""

    def __init__(self, model: RetrievalModel):
        super().__init__(name="model")
        self.layers = [
            model.item_embedding,
            model.user_embedding,
            model.history_encoder,
            model.text_projection,
            model.query_tower,
            model.candidate_tower,
            model.text_tower,
        ]
