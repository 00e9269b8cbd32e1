"""The pipeline: which component feeds which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Not by way of tfx.v1, which imports the whole Vertex client: 11 s of every run.
from tfx.components import ExampleValidator, StatisticsGen, Transform
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto.transform_pb2 import SplitsConfig

from pipeline.canonical import CORPUS, PreparedData
from pipeline.code_digest import code_digest
from pipeline.components.anomaly_gate import AnomalyGate
from pipeline.components.parquet_example_gen import parquet_example_gen
from pipeline.config.run import RunConfig
from pipeline.preprocessing import TransformSettings
from pipeline.splits import SPLITS, TRAIN
from schemas.features import Stream
from serving.bundle_settings import BundleSettings
from serving.components.bundler import Bundler
from serving.components.evaluator import Evaluator
from serving.components.indexer import Indexer
from serving.components.pusher import Pusher
from trainer.components.ranking_trainer import RankingTrainer
from trainer.components.retrieval_trainer import RetrievalTrainer
from trainer.settings import RankingSettings, RetrievalSettings

PUSHER = "Pusher"  # a runner asks for it by name

_SPLITS = {Stream.INTERACTIONS: SPLITS, Stream.ITEMS: (CORPUS,)}
_ANALYZED = {Stream.INTERACTIONS: TRAIN, Stream.ITEMS: CORPUS}


@dataclass(frozen=True)
class StreamNodes:
    """The data steps of one example stream."""

    example_gen: BaseComponent
    statistics_gen: BaseComponent
    schema: BaseComponent
    validator: BaseComponent
    transform: BaseComponent

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        return [self.example_gen, self.statistics_gen, self.schema, self.validator, self.transform]


@dataclass(frozen=True)
class ModelNodes:
    """The steps that train, and the index over what they trained."""

    retrieval: BaseComponent
    index: BaseComponent
    ranking: BaseComponent

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        return [self.retrieval, self.index, self.ranking]


def create_pipeline(
    config: RunConfig, data: PreparedData, schemas: dict[Stream, Path], metadata_file: Path
) -> Pipeline:
    """Builds the pipeline of a configuration.

    Args:
      config: The configuration.
      data: The input files.
      schemas: The curated schema of each stream, a text proto.
      metadata_file: SQLite database of ML Metadata.
    """
    streams = {stream: _stream_nodes(stream, config, data, schemas[stream]) for stream in Stream}
    interactions, items = streams[Stream.INTERACTIONS], streams[Stream.ITEMS]
    gate = AnomalyGate(
        interactions=interactions.validator.outputs["anomalies"],
        items=items.validator.outputs["anomalies"],
    )
    interactions.transform.add_upstream_node(gate)
    items.transform.add_upstream_node(gate)
    models = _model_nodes(config, data, interactions, items)
    serving = _serving_nodes(config, data, interactions, models)
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(config.run_dir / "artifacts"),
        components=[*interactions.all, *items.all, gate, *models.all, *serving],
        enable_cache=True,
        metadata_connection_config=sqlite_metadata_connection_config(str(metadata_file)),
        beam_pipeline_args=list(config.beam.pipeline_args),
    )


def _stream_nodes(stream: Stream, config: RunConfig, data: PreparedData, schema: Path) -> StreamNodes:
    """ExampleGen to Transform for one stream."""

    def node_id(name: str) -> str:
        return f"{stream.value}.{name}"

    example_gen = parquet_example_gen(str(data.stream_dir(stream)), _SPLITS[stream])
    examples = example_gen.with_id(node_id("ExampleGen")).outputs["examples"]
    statistics_gen = StatisticsGen(examples=examples).with_id(node_id("StatisticsGen"))
    schema_gen = ImportSchemaGen(schema_file=str(schema)).with_id(node_id("Schema"))
    validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    ).with_id(node_id("ExampleValidator"))
    settings = TransformSettings(
        layout=data.layout,
        features=config.features,
        tasks=config.ranking.tasks,
        code=code_digest(
            "schemas", "pipeline/preprocessing.py", "pipeline/encoding.py", "pipeline/request_history.py"
        ),
    )
    transform = Transform(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        preprocessing_fn=f"pipeline.preprocessing.preprocess_{stream.value}",
        custom_config=settings.to_json(),
        splits_config=SplitsConfig(analyze=[_ANALYZED[stream]], transform=list(_SPLITS[stream])),
        disable_statistics=True,  # StatisticsGen has judged the raw examples
    ).with_id(node_id("Transform"))
    return StreamNodes(example_gen, statistics_gen, schema_gen, validator, transform)


def _model_nodes(
    config: RunConfig, data: PreparedData, interactions: StreamNodes, items: StreamNodes
) -> ModelNodes:
    """Both trainers and the index."""
    log = {
        "interactions": interactions.transform.outputs["transformed_examples"],
        "interactions_graph": interactions.transform.outputs["transform_graph"],
    }
    corpus = {
        "items": items.transform.outputs["transformed_examples"],
        "items_graph": items.transform.outputs["transform_graph"],
    }
    shared: dict[str, Any] = {"layout": data.layout, "features": config.features, "seed": config.seed}
    retrieval_settings = RetrievalSettings(**shared, text=config.text, retrieval=config.retrieval)
    code = code_digest("schemas", "trainer")
    retrieval = RetrievalTrainer(**log, **corpus, settings=retrieval_settings.model_dump_json(), code=code)
    index = Indexer(
        retrieval=retrieval.outputs["model"],
        **log,
        settings=config.index.model_dump_json(),
        seed=config.seed,
        code=code_digest("schemas", "trainer", "serving/index.py", "serving/index_builder.py"),
    )
    ranking = RankingTrainer(
        **log,
        **corpus,
        retrieval=retrieval.outputs["model"],
        settings=RankingSettings(**shared, ranking=config.ranking).model_dump_json(),
        code=code,
    )
    return ModelNodes(retrieval, index, ranking)


def _serving_nodes(
    config: RunConfig, data: PreparedData, interactions: StreamNodes, models: ModelNodes
) -> list[BaseComponent]:
    """Bundle, verdict and push."""
    settings = BundleSettings(
        name=config.name,
        layout=data.layout,
        crosses=config.features.crosses,
        tasks=config.ranking.tasks,
        index=config.index,
    ).model_dump_json()
    code = code_digest("schemas", "pipeline/roles.py", "trainer", "serving")
    examples = interactions.example_gen.outputs["examples"]
    bundler = Bundler(
        retrieval=models.retrieval.outputs["model"],
        ranking=models.ranking.outputs["model"],
        index=models.index.outputs["index"],
        interactions=examples,
        users_file=str(data.users_path),
        histories_file=str(data.histories_path),
        settings=settings,
        code=code,
    )
    evaluator = Evaluator(
        bundle=bundler.outputs["bundle"],
        index=models.index.outputs["index"],
        interactions=examples,
        interactions_graph=interactions.transform.outputs["transform_graph"],
        settings=settings,
        gate=config.gate.model_dump_json(),
        seed=config.seed,
        code=code,
    )
    pusher = Pusher(
        bundle=bundler.outputs["bundle"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        destination=str(config.bundle_dir),
    ).with_id(PUSHER)
    return [bundler, evaluator, pusher]
