"""The steps as Beam jobs: the elements are names of files, so that no runner holds the data."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.preparation.clean_shard import clean_shard
from pipeline.preparation.finish_shard import FinishSettings, finish_shard
from pipeline.preparation.ingest import ingest_part
from pipeline.preparation.settings import PreparationSettings


def ingest_and_clean(settings: PreparationSettings, pipeline_args: Sequence[str]) -> None:
    """Reads every part, and cleans every shard.

    Args:
      settings: The settings.
      pipeline_args: Beam's options.
    """
    with beam.Pipeline(options=PipelineOptions(list(pipeline_args))) as pipeline:
        (
            pipeline
            | "Parts" >> beam.Create(range(len(settings.parts)))
            | "SpreadParts" >> beam.Reshuffle()
            | "Ingest" >> beam.FlatMap(ingest_part, settings)
            | "Shards" >> beam.GroupByKey()
            | "Clean" >> beam.MapTuple(lambda shard, files: str(clean_shard(shard, files, settings)))
        )


def finish(
    clean_files: Sequence[str],
    settings: PreparationSettings,
    finish_settings: FinishSettings,
    pipeline_args: Sequence[str],
) -> None:
    """Finishes every shard.

    Args:
      clean_files: What :func:`ingest_and_clean` wrote.
      settings: The settings.
      finish_settings: What is known of all shards.
      pipeline_args: Beam's options.
    """
    with beam.Pipeline(options=PipelineOptions(list(pipeline_args))) as pipeline:
        (
            pipeline
            | "Shards" >> beam.Create(list(enumerate(clean_files)))
            | "SpreadShards" >> beam.Reshuffle()
            | "Finish" >> beam.MapTuple(lambda n, file: str(finish_shard(n, file, settings, finish_settings)))
        )
