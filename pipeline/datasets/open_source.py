"""What a run reads: its source, and the gateway's events beside it."""

from __future__ import annotations

from pipeline.config.run import RunConfig
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.feedback_meaning import meaning_of
from pipeline.datasets.feedback_spans import feedback_files, feedback_folder
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.with_feedback import WithFeedback


def open_source(config: RunConfig, key: str | None) -> DatasetAdapter:
    """The adapter of a configuration; the source's own, if there are no events to learn from.

    Args:
      config: The configuration.
      key: Fingerprint of the key of the pseudonyms; `None` for raw ids.

    Raises:
      InputError: The source cannot be opened, has no place for what `feedback` says, or the spans cannot
        be used.
    """
    source = open_adapter(config.data)
    if config.feedback is None:
        return source
    meaning = meaning_of(config.feedback.kinds, source.layout())
    spans = feedback_folder(config)
    files = feedback_files(spans, key) if spans is not None else None
    return WithFeedback(source, files, meaning) if files else source
