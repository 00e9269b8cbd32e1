"""The pipeline: which component feeds which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import Channel

from pipeline.canonical import PreparedData
from pipeline.code_digest import code_digest
from pipeline.config.data import BeamConfig
from pipeline.config.run import METADATA_FILE, RunConfig
from pipeline.config.tuning import Model, Search
from pipeline.nodes.data import data_nodes
from pipeline.nodes.models import model_nodes, ranking_settings, retrieval_settings, source_nodes
from pipeline.nodes.serving import BUNDLER, last_blessed, serving_nodes
from schemas.features import Stream
from trainer.components.ranking_tuner import RankingTuner
from trainer.components.retrieval_tuner import RetrievalTuner


def create_pipeline(
    config: RunConfig,
    data: PreparedData,
    schemas: dict[Stream, Path],
    metadata_file: Path,
    until_bundle: bool = False,
) -> Pipeline:
    """Builds the pipeline of a configuration.

    Args:
      config: The configuration.
      data: The input files.
      schemas: The curated schema of each stream, a text proto.
      metadata_file: SQLite database of ML Metadata.
      until_bundle: Whether it ends with the bundle, which somebody else judges.
    """
    nodes = all_nodes(config, data, schemas)
    if until_bundle:
        nodes = nodes[: 1 + [node.id for node in nodes].index(BUNDLER)]
    return _pipeline(config, nodes, config.run_dir / "artifacts", metadata_file)


def all_nodes(
    config: RunConfig,
    data: PreparedData,
    schemas: dict[Stream, Path],
    find_last: Callable[[Channel], BaseNode] = last_blessed,
) -> list[BaseNode]:
    """The steps of a configuration, whoever runs them.

    Args:
      config: The configuration.
      data: The input files.
      schemas: The curated schema of each stream, a text proto.
      find_last: Makes the step that finds what a bundle is compared with.
    """
    nodes = data_nodes(config, data, schemas)
    models = model_nodes(config, data, nodes)
    return [*nodes.all, *models.all, *serving_nodes(config, data, nodes, models, find_last)]


def create_data_pipeline(
    config: RunConfig, data: PreparedData, schemas: dict[Stream, Path], folder: Path, transform: bool = False
) -> Pipeline:
    """Builds the part of the pipeline that judges the data.

    Args:
      config: The configuration.
      data: The input files.
      schemas: The curated schema of each stream, a text proto.
      folder: Gets the artifacts and ML Metadata's database.
      transform: Whether the data are made ready for training as well.
    """
    nodes = data_nodes(config, data, schemas, transform)
    return _pipeline(config, nodes.all, folder / "artifacts", folder / METADATA_FILE)


def create_tuning_pipeline(
    config: RunConfig,
    data: PreparedData,
    schemas: dict[Stream, Path],
    metadata_file: Path,
    of: Model,
    search: Search,
) -> Pipeline:
    """Builds the part of the pipeline that a model's training needs, and a search in that training's place.

    Args:
      config: The configuration.
      data: The input files.
      schemas: The curated schema of each stream, a text proto.
      metadata_file: SQLite database of ML Metadata: a run's, whose steps are reused.
      of: The model.
      search: What is tried.
    """
    nodes = data_nodes(config, data, schemas)
    log, corpus = nodes.trained_on
    inputs: dict[str, Any] = {
        **log,
        **corpus,
        "search": search.model_dump_json(),
        "code": code_digest("schemas", "trainer", "pipeline/config/search_space.py"),
        "tuning_dir": str(config.tuning_dir),
        "checkpoint_dir": str(config.checkpoints_dir / "Tuner"),
    }
    before: list[BaseComponent] = []
    if of == "retrieval":
        settings = retrieval_settings(config, data).model_dump_json()
        tuner = RetrievalTuner(**inputs, settings=settings)
    else:
        before = [source_nodes(config, data, log, corpus).retrieval]
        settings = ranking_settings(config, data).model_dump_json()
        tuner = RankingTuner(**inputs, retrieval=before[0].outputs["model"], settings=settings)
    return _pipeline(config, [*nodes.all, *before, tuner], config.run_dir / "artifacts", metadata_file)


def _pipeline(config: RunConfig, components: Sequence[BaseNode], root: Path, metadata_file: Path) -> Pipeline:
    """A pipeline of components."""
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(root),
        components=list(components),
        enable_cache=True,
        metadata_connection_config=sqlite_metadata_connection_config(str(metadata_file)),
        beam_pipeline_args=beam_args(config.beam),
    )


def beam_args(config: BeamConfig) -> list[str]:
    """Beam's options; those of workers in this process spare each step a package of TFX.

    TFX builds one for remote workers, seconds a step, unless the options name an image that has it.
    """
    args = list(config.pipeline_args)
    return [*args, "--sdk_container_image=none"] if "--direct_running_mode=in_memory" in args else args
