"""A few items and sizes to build the models from."""

from __future__ import annotations

import numpy as np

from trainer.bert_weights import random_bert
from trainer.corpus import Corpus
from trainer.sizes import ModelSizes
from trainer.text_tower import TextTower

TEXT_DIM = 4
NUM_USERS, NUM_REGIONS, NUM_GENRES, NUM_BUCKETS, HISTORY_LENGTH = 5, 3, 4, 3, 4

SIZES = ModelSizes(
    num_users=NUM_USERS,
    history_length=HISTORY_LENGTH,
    query_attributes={"region": NUM_REGIONS},
    query_numbers=("age",),
    item_attributes={"genre": NUM_GENRES, "minutes_bucket": NUM_BUCKETS + 1},
    item_numbers=("minutes",),
)


def make_corpus(num_items: int, texts: list[bytes] | None = None) -> Corpus:
    """Items of random attributes; letters make their texts unless they are given."""
    rng = np.random.default_rng(0)
    texts = (
        [chr(ord("a") + i % 26).encode() * (1 + i % 3) for i in range(num_items)] if texts is None else texts
    )
    features = {
        "genre": rng.integers(-1, NUM_GENRES, [num_items + 1, 2]),
        "minutes_bucket": rng.integers(0, NUM_BUCKETS + 1, num_items + 1),
        "minutes": rng.normal(size=num_items + 1).astype(np.float32),
    }
    features["genre"][-1], features["minutes_bucket"][-1], features["minutes"][-1] = -1, NUM_BUCKETS, 0.0
    item_ids = np.array([b"i%d" % i for i in range(num_items)], dtype=object)
    return Corpus(item_ids, np.array(texts, dtype=object), np.array(texts, dtype=object), features)


def make_text_tower(trainable_layers: int = 1, max_tokens: int = 6) -> TextTower:
    """A small tower of two layers, one of them frozen."""
    return TextTower(random_bert(2, TEXT_DIM, max_tokens), max_tokens, trainable_layers, name="text_tower")


def make_queries(num_queries: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random transformed query features; of the history the times alone, no two events in one second."""
    rng = np.random.default_rng(seed)
    return {
        "user_id": rng.integers(0, NUM_USERS, num_queries),
        "region": rng.integers(0, NUM_REGIONS, num_queries),
        "age": rng.normal(size=num_queries).astype(np.float32),
        "history_ages": rng.uniform(0, 18, [num_queries, HISTORY_LENGTH]).astype(np.float32),
        "history_gaps": rng.uniform(0.7, 12, [num_queries, HISTORY_LENGTH]).astype(np.float32),
    }
