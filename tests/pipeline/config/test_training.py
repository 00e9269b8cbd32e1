"""What a retrieval configuration may say."""

import pytest
from pydantic import ValidationError

from pipeline.config.training import FusionConfig, HistoryEncoderConfig, RetrievalConfig


@pytest.mark.parametrize("kind", ["mean", "gru", "cnn"])
def test_encoders_without_heads_take_any_width(kind):
    encoder = HistoryEncoderConfig(kind=kind, heads=4)
    assert RetrievalConfig(embedding_dim=7, history_encoder=encoder).embedding_dim == 7


def test_heads_divide_the_width():
    with pytest.raises(ValidationError, match=r"heads \(4\) must divide embedding_dim \(10\)"):
        RetrievalConfig(embedding_dim=10, history_encoder=HistoryEncoderConfig(heads=4))


@pytest.mark.parametrize("num_items", [10, 100, 101])
def test_a_sampler_that_is_named_is_taken(num_items):
    for sampler in ("full", "in_batch", "mixed", "hard"):
        assert RetrievalConfig(sampler=sampler, full_below=100).sampler_for(num_items) == sampler


@pytest.mark.parametrize(("num_items", "expected"), [(99, "full"), (100, "full"), (101, "mixed")])
def test_by_default_the_corpus_decides(num_items, expected):
    assert RetrievalConfig(full_below=100).sampler_for(num_items) == expected


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (HistoryEncoderConfig, {"kind": "attention"}),
        (HistoryEncoderConfig, {"dropout": 1.0}),
        (HistoryEncoderConfig, {"blocks": 0}),
        (RetrievalConfig, {"loss": "hinge"}),
        (RetrievalConfig, {"attribute_dropout": 1.0}),
        (RetrievalConfig, {"window_stride": 0}),
        (RetrievalConfig, {"history_encoder": "mean"}),
        (FusionConfig, {"hidden_dim": 0}),
    ],
)
def test_values_out_of_range_are_named(model, key):
    with pytest.raises(ValidationError, match=next(iter(key))):
        model(**key)
