"""The text tower: a BERT that reads items' texts, its lower layers frozen."""

from __future__ import annotations

import hashlib
import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras_nlp
import tensorflow as tf
import tf_keras

from pipeline.bert_folder import (
    CONFIG_FILE,
    TOKENIZER_FILE,
    VOCABULARY_FILE,
    WEIGHTS_FILE,
    bert_folder,
)
from pipeline.code_digest import code_digest
from pipeline.config.environment import cache_dir
from pipeline.config.text import TextTowerConfig
from trainer.bert_weights import Bert, load_bert, random_bert
from trainer.encoding_cache import EncodingCache
from trainer.lora import Lora, adapters_of, add_lora, merge_lora
from trainer.word_pieces import WordPieces

_LENGTH_GROUPS = 4
_ENCODINGS_DIR = "encodings"


class TextTower(tf_keras.layers.Layer):
    """Texts to embeddings of length one: mean pooling over a BERT's last layer.

    The layers from the top down are trained, or low-rank updates of all of them; the rest are frozen.
    `frozen_outputs` and `encode_frozen` part the computation there. Tokenisation is part of the graph.
    Whatever the precision of the layers, embeddings are float32.

    Mean pooling after Reimers and Gurevych 2019 (Sentence-BERT), special tokens included.
    """

    def __init__(
        self,
        bert: Bert,
        max_tokens: int,
        trainable_layers: int,
        lora: Lora | None = None,
        encodings: EncodingCache | None = None,
        **kwargs: Any,
    ):
        """Initializes the tower.

        Args:
          bert: The BERT; its layers are used, not copied.
          max_tokens: Tokens of a text that are read, the special ones included.
          trainable_layers: Transformer layers from the top that are trained; all of them if there
            are no more, and the embeddings as well. Not looked at if there are low-rank updates.
          lora: Low-rank updates of every layer, which are trained instead of its weights.
          encodings: Where other runs find what the frozen layers made of texts, and this one what they did.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        backbone = bert.backbone
        self.max_tokens = max_tokens
        self.hidden_dim: int = backbone.hidden_dim
        self.encodings = encodings
        self._word_pieces = WordPieces(
            bert.vocabulary, bert.lowercase, bert.strip_accents, bert.split_chinese
        )
        num_frozen = max(backbone.num_layers - trainable_layers, 0) if lora is None else 0
        self.caches_frozen = num_frozen > 0
        names = ("token_embedding", "position_embedding", "segment_embedding")
        self._embeddings = [backbone.get_layer(name) for name in names]
        self._norm = backbone.get_layer("embeddings_layer_norm")
        layers = [backbone.get_layer(f"transformer_layer_{i}") for i in range(backbone.num_layers)]
        self._frozen_layers, self._trained_layers = layers[:num_frozen], layers[num_frozen:]
        if self.caches_frozen or lora is not None:
            for layer in (*self._embeddings, self._norm, *self._frozen_layers):
                layer.trainable = False
        if lora is not None:
            add_lora(self._trained_layers, lora)

    @property
    def trained_variables(self) -> list[tf.Variable]:
        """Those of the trained layers, in the order of their names, without low-rank updates."""
        updates = {
            variable.ref() for adapter in adapters_of(self._trained_layers) for variable in adapter.own
        }
        variables = [variable for layer in self._trained_layers for variable in layer.weights]
        return sorted((v for v in variables if v.ref() not in updates), key=lambda variable: variable.name)

    def merge(self) -> None:
        """Ends training: low-rank updates, if any, become part of the weights, and all is frozen."""
        merge_lora(self._trained_layers)
        self.trainable = False

    def tokenize(self, texts: tf.Tensor) -> tf.Tensor:
        """Word pieces of texts.

        Args:
          texts: [B] strings.

        Returns:
          [B, max_tokens] int32: the start token, pieces, the end token, zeros.
        """
        pieces = self._word_pieces(texts)[:, : self.max_tokens - 2]
        ends = tf.ones([tf.shape(texts)[0], 1], tf.int32)
        start, end = ends * self._word_pieces.start_id, ends * self._word_pieces.end_id
        return tf.concat([start, pieces, end], axis=1).to_tensor(0, shape=[None, self.max_tokens])

    def frozen_outputs(self, tokens: tf.Tensor) -> tf.Tensor:
        """What the embeddings and the frozen layers make of tokens.

        Args:
          tokens: [B, length] int32, padded with 0.

        Returns:
          [B, length, hidden_dim] in the layers' precision.
        """
        return self._run(self._frozen_layers, self._embed(tokens), tokens, training=False)

    def encode_frozen(self, hidden: tf.Tensor, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Runs the trained layers and pools; texts of like length together, to compute little padding.

        Args:
          hidden: [B, length, hidden_dim], from `frozen_outputs`.
          tokens: [B, length] int32, what they were computed from.
          training: Whether dropout is on.

        Returns:
          [B, hidden_dim] of length one.
        """
        order = tf.argsort(tf.math.count_nonzero(tokens, axis=1), stable=True)
        bounds = [tf.size(order) * group // _LENGTH_GROUPS for group in range(_LENGTH_GROUPS + 1)]
        groups = [order[start:stop] for start, stop in pairwise(bounds)]
        encoded = [
            self._encode_group(tf.gather(hidden, group), tf.gather(tokens, group), training)
            for group in groups
        ]
        return tf.gather(tf.concat(encoded, axis=0), tf.math.invert_permutation(order))

    def _encode_group(self, hidden: tf.Tensor, tokens: tf.Tensor, training: bool) -> tf.Tensor:
        """Trained layers and pooling, the columns that are padding in all texts left out."""
        longest = tf.maximum(tf.reduce_max(tf.math.count_nonzero(tokens, axis=1, dtype=tf.int32)), 1)
        hidden, tokens = hidden[:, :longest], tokens[:, :longest]
        hidden = tf.cast(self._run(self._trained_layers, hidden, tokens, training), tf.float32)
        present = tf.cast(tokens > 0, tf.float32)[..., tf.newaxis]
        return tf.math.l2_normalize(tf.reduce_sum(hidden * present, axis=1), axis=-1)

    def encode_tokens(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Tokens, [B, length] int32, to [B, hidden_dim] of length one."""
        return self.encode_frozen(self.frozen_outputs(tokens), tokens, training)

    def call(self, texts: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Texts, [B] strings, to [B, hidden_dim] of length one."""
        return self.encode_tokens(self.tokenize(texts), training)

    def _embed(self, tokens: tf.Tensor) -> tf.Tensor:
        """BERT's input embeddings; every token is of the first segment."""
        token_embedding, position_embedding, segment_embedding = self._embeddings
        embedded = token_embedding(tokens)
        return self._norm(embedded + position_embedding(embedded) + segment_embedding(tf.zeros_like(tokens)))

    @staticmethod
    def _run(layers: list[Any], hidden: tf.Tensor, tokens: tf.Tensor, training: bool) -> tf.Tensor:
        for layer in layers:
            hidden = layer(hidden, padding_mask=tokens > 0, training=training)
        return hidden


def build_text_tower(config: TextTowerConfig, seed: int) -> TextTower:
    """The text tower of a configuration.

    Args:
      config: Names the weights and says what is trained.
      seed: Of a `random` tower's weights.

    Raises:
      InputError: The weights cannot be loaded, or read fewer tokens than `max_tokens`.
    """
    folder = bert_folder(config)
    if folder is None:
        tf_keras.utils.set_random_seed(seed)
        bert = random_bert(config.random_layers, config.random_hidden_dim, config.max_tokens)
    else:
        bert = load_bert(folder)
    num_layers = bert.backbone.num_layers
    trained = {"frozen": 0, "top": config.trainable_layers, "all": num_layers, "lora": 0}[config.training]
    lora = Lora(config.lora_rank, config.lora_alpha, seed) if config.training == "lora" else None
    cache = None
    if folder is not None and config.disk_cache_mb and lora is None and trained < num_layers:
        key = _encodings_key(folder, config.max_tokens, num_layers - trained)
        cache = EncodingCache(cache_dir() / _ENCODINGS_DIR, key, config.disk_cache_mb)
    return TextTower(bert, config.max_tokens, trained, lora, cache, name="text_tower")


def _encodings_key(folder: Path, max_tokens: int, num_frozen: int) -> str:
    """Digest of all that the frozen layers' outputs depend on beside the text."""
    hasher = hashlib.sha256()
    settings = {
        "max_tokens": max_tokens,
        "num_frozen": num_frozen,
        "precision": tf_keras.mixed_precision.global_policy().name,
        "code": code_digest("trainer/bert_weights.py", "trainer/text_tower.py", "trainer/word_pieces.py"),
        "libraries": [tf.__version__, keras_nlp.__version__],
    }
    hasher.update(json.dumps(settings).encode())
    for name in (CONFIG_FILE, VOCABULARY_FILE, TOKENIZER_FILE, WEIGHTS_FILE):
        path = folder / name
        with path.open("rb") if path.is_file() else io.BytesIO() as file:
            hasher.update(hashlib.sha256(file.read()).digest())
    return hasher.hexdigest()[:32]
