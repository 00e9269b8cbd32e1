"""The pipeline: which component feeds which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfx import v1 as tfx
from tfx.dsl.components.base.base_component import BaseComponent

from pipeline.canonical import CORPUS, PreparedData
from pipeline.code_digest import code_digest
from pipeline.components.anomaly_gate import AnomalyGate
from pipeline.components.parquet_example_gen import parquet_example_gen
from pipeline.config.run import RunConfig
from pipeline.preprocessing import TransformSettings
from pipeline.splits import SPLITS, TRAIN
from schemas.features import Stream
from trainer.components.retrieval_trainer import RetrievalTrainer
from trainer.settings import RetrievalSettings

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


def create_pipeline(
    config: RunConfig, data: PreparedData, schemas: dict[Stream, Path], metadata_file: Path
) -> tfx.dsl.Pipeline:
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
    transformed = {
        "interactions": interactions.transform.outputs["transformed_examples"],
        "interactions_graph": interactions.transform.outputs["transform_graph"],
        "items": items.transform.outputs["transformed_examples"],
        "items_graph": items.transform.outputs["transform_graph"],
    }
    model_settings = {"layout": data.layout, "features": config.features, "seed": config.seed}
    retrieval_trainer = RetrievalTrainer(
        **transformed,
        settings=RetrievalSettings(
            **model_settings, text=config.text, retrieval=config.retrieval
        ).model_dump_json(),
        code=code_digest("schemas", "trainer"),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(config.run_dir / "artifacts"),
        components=[*interactions.all, *items.all, gate, retrieval_trainer],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(metadata_file)
        ),
        beam_pipeline_args=list(config.beam.pipeline_args),
    )


def _stream_nodes(stream: Stream, config: RunConfig, data: PreparedData, schema: Path) -> StreamNodes:
    """ExampleGen to Transform for one stream."""

    def node_id(name: str) -> str:
        return f"{stream.value}.{name}"

    example_gen = parquet_example_gen(str(data.stream_dir(stream)), _SPLITS[stream])
    examples = example_gen.with_id(node_id("ExampleGen")).outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples).with_id(node_id("StatisticsGen"))
    schema_gen = tfx.components.ImportSchemaGen(schema_file=str(schema)).with_id(node_id("Schema"))
    validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    ).with_id(node_id("ExampleValidator"))
    settings = TransformSettings(
        layout=data.layout,
        features=config.features,
        tasks=config.ranking.tasks,
        code=code_digest("schemas", "pipeline/preprocessing.py"),
    )
    transform = tfx.components.Transform(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        preprocessing_fn=f"pipeline.preprocessing.preprocess_{stream.value}",
        custom_config=settings.to_json(),
        splits_config=tfx.proto.SplitsConfig(analyze=[_ANALYZED[stream]], transform=list(_SPLITS[stream])),
        disable_statistics=True,  # StatisticsGen has judged the raw examples
    ).with_id(node_id("Transform"))
    return StreamNodes(example_gen, statistics_gen, schema_gen, validator, transform)
