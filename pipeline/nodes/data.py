"""The data steps: both streams are judged before either is transformed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv

# Not by way of tfx.v1, which imports the whole Vertex client: 11 s of every run.
from tfx.components import ExampleValidator, StatisticsGen, Transform
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.proto.transform_pb2 import SplitsConfig

from pipeline.canonical import CORPUS, PreparedData
from pipeline.code_digest import code_digest
from pipeline.components.anomaly_gate import AnomalyGate
from pipeline.components.drift_validator import drift_validator
from pipeline.components.materializer import Materializer
from pipeline.components.parquet_example_gen import parquet_example_gen
from pipeline.config.run import RunConfig
from pipeline.preprocessing import TransformSettings
from pipeline.request_log import RequestLog
from pipeline.splits import TRAIN
from schemas.features import Stream
from serving.layout import newest_statistics

# What training looks at: Transform analyses it, and a served version is compared by it.
_LEARNT = {Stream.INTERACTIONS: TRAIN, Stream.ITEMS: CORPUS}


@dataclass(frozen=True)
class StreamNodes:
    """The steps that judge one example stream."""

    example_gen: BaseComponent
    statistics_gen: BaseComponent
    schema: BaseComponent
    validator: BaseComponent
    drift_validator: BaseComponent

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        return [self.example_gen, self.statistics_gen, self.schema, self.validator, self.drift_validator]


@dataclass(frozen=True)
class TransformNodes:
    """The steps that make a stream's examples ready for training."""

    transform: BaseComponent
    materializer: BaseComponent

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        return [self.transform, self.materializer]


@dataclass(frozen=True)
class DataNodes:
    """The data steps of both streams, and the gate between judging and transforming."""

    streams: dict[Stream, StreamNodes]
    gate: BaseComponent
    transforms: dict[Stream, TransformNodes]

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        judging = [node for stream in self.streams.values() for node in stream.all]
        return [*judging, self.gate, *(node for nodes in self.transforms.values() for node in nodes.all)]

    @property
    def trained_on(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Examples and graph of the interactions, and of the items, as trainers take them."""
        log, corpus = (
            {
                stream.value: self.transforms[stream].materializer.outputs["transformed_examples"],
                f"{stream.value}_graph": self.transforms[stream].transform.outputs["transform_graph"],
            }
            for stream in (Stream.INTERACTIONS, Stream.ITEMS)
        )
        return log, corpus


def data_nodes(
    config: RunConfig, data: PreparedData, schemas: dict[Stream, Path], transform: bool = True
) -> DataNodes:
    """The data steps: both streams are judged before either is transformed."""
    streams = {stream: _stream_nodes(stream, config, data, schemas[stream]) for stream in Stream}
    interactions, items = streams[Stream.INTERACTIONS], streams[Stream.ITEMS]
    gate = AnomalyGate(
        interactions=interactions.validator.outputs["anomalies"],
        items=items.validator.outputs["anomalies"],
        interactions_shift=interactions.drift_validator.outputs["anomalies"],
        items_shift=items.drift_validator.outputs["anomalies"],
    )
    transforms = {}
    for stream in Stream if transform else ():
        transforms[stream] = _transform_nodes(stream, config, data, streams[stream])
        transforms[stream].transform.add_upstream_node(gate)
    return DataNodes(streams, gate, transforms)


def _splits(stream: Stream, data: PreparedData) -> tuple[str, ...]:
    """The splits of a stream that hold anything."""
    if stream == Stream.ITEMS:
        return (CORPUS,)
    return tuple(split for split, counts in data.summary["splits"].items() if counts["interactions"])


def _stream_nodes(stream: Stream, config: RunConfig, data: PreparedData, schema: Path) -> StreamNodes:
    """ExampleGen to DriftValidator for one stream."""

    def node_id(name: str) -> str:
        return f"{stream.value}.{name}"

    example_gen = parquet_example_gen(str(data.stream_dir(stream)), _splits(stream, data))
    examples = example_gen.with_id(node_id("ExampleGen")).outputs["examples"]
    # A history lists what other examples hold as values of their own, fifty times over.
    judged = [feature.name for feature in data.features.of(stream) if not feature.is_history]
    statistics_gen = StatisticsGen(
        examples=examples, stats_options=tfdv.StatsOptions(feature_allowlist=judged)
    ).with_id(node_id("StatisticsGen"))
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = ImportSchemaGen(schema_file=str(schema)).with_id(node_id("Schema"))
    validator = ExampleValidator(statistics=statistics, schema=schema_gen.outputs["schema"])
    requests = config.validation.served_requests if stream == Stream.INTERACTIONS else None
    shift = drift_validator(
        statistics=statistics,
        schema=schema_gen.outputs["schema"],
        split=_LEARNT[stream],
        # Not the last run's: one that was stopped for drift would be what the next is compared with.
        baseline=newest_statistics(config.bundle_dir, stream) if config.validation.drift else None,
        requests=RequestLog(requests) if requests is not None else None,
    )
    return StreamNodes(
        example_gen,
        statistics_gen,
        schema_gen,
        validator.with_id(node_id("ExampleValidator")),
        shift.with_id(node_id("DriftValidator")),
    )


def _transform_nodes(
    stream: Stream, config: RunConfig, data: PreparedData, judged: StreamNodes
) -> TransformNodes:
    """Transform and Materializer for one stream."""

    def node_id(name: str) -> str:
        return f"{stream.value}.{name}"

    examples = judged.example_gen.outputs["examples"]
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
        schema=judged.schema.outputs["schema"],
        preprocessing_fn=f"pipeline.preprocessing.preprocess_{stream.value}",
        custom_config=settings.to_json(),
        splits_config=SplitsConfig(analyze=[_LEARNT[stream]]),
        materialize=False,  # Materializer does, and keeps the order
        disable_statistics=True,  # StatisticsGen has judged the raw examples
    ).with_id(node_id("Transform"))
    materializer = Materializer(
        examples=examples,
        transform_graph=transform.outputs["transform_graph"],
        splits=json.dumps(_splits(stream, data)),
        code=code_digest(
            "pipeline/components/encoding.py",
            "pipeline/components/materializer.py",
            "pipeline/components/shards.py",
        ),
    ).with_id(node_id("Materializer"))
    return TransformNodes(transform, materializer)
