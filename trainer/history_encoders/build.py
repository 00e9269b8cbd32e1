"""The history encoder that a configuration names."""

from __future__ import annotations

from pipeline.config.training import HistoryEncoderConfig
from trainer.history_encoders.base import HistoryEncoder
from trainer.history_encoders.convolutional import ConvolutionalEncoder
from trainer.history_encoders.mean import MeanEncoder
from trainer.history_encoders.recurrent import RecurrentEncoder
from trainer.history_encoders.self_attention import SelfAttentionEncoder


def build_history_encoder(config: HistoryEncoderConfig, max_length: int) -> HistoryEncoder:
    """Builds it.

    Args:
      config: Kind and sizes.
      max_length: Longest history.
    """
    name = "history_encoder"
    if config.kind == "mean":
        return MeanEncoder(name=name)
    if config.kind == "gru":
        return RecurrentEncoder(config.dropout, name=name)
    if config.kind == "cnn":
        return ConvolutionalEncoder(config.blocks, config.dropout, name=name)
    return SelfAttentionEncoder(max_length, config.blocks, config.heads, config.dropout, name=name)
