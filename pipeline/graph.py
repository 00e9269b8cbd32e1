"""The pipeline: which component feeds which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv

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
from pipeline.components.drift_validator import drift_validator
from pipeline.components.materializer import Materializer
from pipeline.components.parquet_example_gen import parquet_example_gen
from pipeline.config.data import BeamConfig
from pipeline.config.run import RunConfig
from pipeline.config.tuning import Model, Search
from pipeline.preprocessing import TransformSettings
from pipeline.request_log import RequestLog
from pipeline.splits import EVAL, TRAIN
from schemas.features import Stream
from serving.bundle_settings import BundleSettings
from serving.components.bundler import Bundler
from serving.components.evaluator import Evaluator
from serving.components.fusion_trainer import FusionTrainer
from serving.components.indexer import Indexer
from serving.components.pusher import Pusher
from serving.layout import newest_statistics
from trainer.components.collaborative_trainer import CollaborativeTrainer
from trainer.components.ranking_trainer import RankingTrainer
from trainer.components.ranking_tuner import RankingTuner
from trainer.components.retrieval_refit import RetrievalRefit
from trainer.components.retrieval_trainer import RetrievalTrainer
from trainer.components.retrieval_tuner import RetrievalTuner
from trainer.settings import CollaborativeSettings, RankingSettings, RetrievalSettings

PUSHER = "Pusher"  # a runner asks for it by name

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


@dataclass(frozen=True)
class SourceNodes:
    """The steps that train what scores candidates."""

    retrieval: BaseComponent
    collaborative: BaseComponent
    ranking: BaseComponent

    @property
    def models(self) -> dict[str, Any]:
        """Their models, by the names under which later steps take them."""
        return {name: node.outputs["model"] for name, node in vars(self).items()}

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        return [self.retrieval, self.collaborative, self.ranking]


@dataclass(frozen=True)
class ModelNodes:
    """The steps that train, and the index over what they trained.

    Attributes:
      rehearsed: Trained on the training split alone, so that the eval split says how to fuse them.
      fusion: Learns that.
      served: What the bundle holds: the same, or trained anew on both splits.
      index: Over the served retrieval model.
    """

    rehearsed: SourceNodes
    fusion: BaseComponent
    served: SourceNodes
    index: BaseComponent

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        served = [] if self.served is self.rehearsed else self.served.all
        return [*self.rehearsed.all, self.fusion, *served, self.index]


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
    nodes = _data_nodes(config, data, schemas)
    models = _model_nodes(config, data, nodes)
    serving = _serving_nodes(config, data, nodes, models)
    serving = serving[:1] if until_bundle else serving
    return _pipeline(config, [*nodes.all, *models.all, *serving], config.run_dir / "artifacts", metadata_file)


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
    nodes = _data_nodes(config, data, schemas, transform)
    return _pipeline(config, nodes.all, folder / "artifacts", folder / "metadata.sqlite")


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
    nodes = _data_nodes(config, data, schemas)
    log, corpus = _streams(nodes)
    shared: dict[str, Any] = {"layout": data.layout, "features": config.features, "seed": config.seed}
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
        settings = RetrievalSettings(**shared, text=config.text, retrieval=config.retrieval)
        tuner = RetrievalTuner(**inputs, settings=settings.model_dump_json())
    else:
        before = [_source_nodes(config, data, log, corpus).retrieval]
        ranking = RankingSettings(
            **shared, training=config.training, ranking=config.ranking
        ).model_dump_json()
        tuner = RankingTuner(**inputs, retrieval=before[0].outputs["model"], settings=ranking)
    return _pipeline(config, [*nodes.all, *before, tuner], config.run_dir / "artifacts", metadata_file)


def _pipeline(
    config: RunConfig, components: list[BaseComponent], root: Path, metadata_file: Path
) -> Pipeline:
    """A pipeline of components."""
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(root),
        components=components,
        enable_cache=True,
        metadata_connection_config=sqlite_metadata_connection_config(str(metadata_file)),
        beam_pipeline_args=_beam_args(config.beam),
    )


def _beam_args(config: BeamConfig) -> list[str]:
    """Beam's options; those of workers in this process spare each step a package of TFX.

    TFX builds one for remote workers, seconds a step, unless the options name an image that has it.
    """
    args = list(config.pipeline_args)
    return [*args, "--sdk_container_image=none"] if "--direct_running_mode=in_memory" in args else args


def _data_nodes(
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
        splits=list(_splits(stream, data)),
        code=code_digest(
            "pipeline/components/encoding.py",
            "pipeline/components/materializer.py",
            "pipeline/components/shards.py",
        ),
    ).with_id(node_id("Materializer"))
    return TransformNodes(transform, materializer)


def _model_nodes(config: RunConfig, data: PreparedData, nodes: DataNodes) -> ModelNodes:
    """The trainers, the fusion and the index."""
    log, corpus = _streams(nodes)
    rehearsed = _source_nodes(config, data, log, corpus)
    fusion = FusionTrainer(
        **rehearsed.models,
        interactions=nodes.streams[Stream.INTERACTIONS].example_gen.outputs["examples"],
        settings=bundle_settings(config, data).model_dump_json(),
        config=config.fusion.model_dump_json(),
        seed=config.seed,
        code=code_digest("schemas", "pipeline/roles.py", "trainer", "serving"),
    )
    served = _source_nodes(config, data, log, corpus, rehearsed) if config.training.refit else rehearsed
    index = Indexer(
        retrieval=served.models["retrieval"],
        **log,
        settings=config.index.model_dump_json(),
        seed=config.seed,
        code=code_digest("schemas", "trainer", "serving/index.py", "serving/index_builder.py"),
    )
    return ModelNodes(rehearsed, fusion, served, index)


def _streams(nodes: DataNodes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Examples and graph of the interactions, and of the items, as trainers take them."""
    log, corpus = (
        {
            stream.value: nodes.transforms[stream].materializer.outputs["transformed_examples"],
            f"{stream.value}_graph": nodes.transforms[stream].transform.outputs["transform_graph"],
        }
        for stream in (Stream.INTERACTIONS, Stream.ITEMS)
    )
    return log, corpus


def _source_nodes(
    config: RunConfig,
    data: PreparedData,
    log: dict[str, Any],
    corpus: dict[str, Any],
    rehearsed: SourceNodes | None = None,
) -> SourceNodes:
    """The trainers; a refit's learn from all that is not tested, as long as was best for those rehearsed."""
    shared: dict[str, Any] = {"layout": data.layout, "features": config.features, "seed": config.seed}
    splits = (TRAIN,) if rehearsed is None else data.refit_splits
    code = code_digest("schemas", "trainer")
    streams = {**log, **corpus, "code": code}

    def trained(component: Any, name: str, settings: Any, **inputs: Any) -> BaseComponent:
        node_id = f"{name}Trainer" if rehearsed is None else f"{name}Refit"
        if name != "Collaborative":
            inputs["checkpoint_dir"] = str(config.checkpoints_dir / node_id)
        return component(**streams, settings=settings.model_dump_json(), **inputs).with_id(node_id)

    retrieval_settings = RetrievalSettings(
        **shared, training=config.training, text=config.text, retrieval=config.retrieval, splits=splits
    )
    if rehearsed is None:
        retrieval = trained(RetrievalTrainer, "Retrieval", retrieval_settings)
    else:
        rehearsal = {"rehearsal": rehearsed.models["retrieval"]}
        retrieval = trained(RetrievalRefit, "Retrieval", retrieval_settings, **rehearsal)
    values = [task.label_name for task in config.ranking.tasks if task.kind == "value"]
    collaborative_settings = CollaborativeSettings(
        **shared,
        text=config.text.model_copy(update={"training": "frozen"}),
        collaborative=config.collaborative,
        value_label=values[0] if values else None,
        splits=splits,
    )
    return SourceNodes(
        retrieval,
        trained(CollaborativeTrainer, "Collaborative", collaborative_settings),
        trained(
            RankingTrainer,
            "Ranking",
            RankingSettings(**shared, training=config.training, ranking=config.ranking),
            retrieval=retrieval.outputs["model"],
        ),
    )


def bundle_settings(config: RunConfig, data: PreparedData) -> BundleSettings:
    """What the bundle and its judgement depend on."""
    return BundleSettings(
        name=config.name,
        layout=data.layout,
        crosses=config.features.crosses,
        tasks=config.ranking.tasks,
        index=config.index,
        pseudonym_key=data.pseudonym_key,
        learnt=(TRAIN, EVAL) if config.training.refit else (TRAIN,),
    )


def _serving_nodes(
    config: RunConfig, data: PreparedData, nodes: DataNodes, models: ModelNodes
) -> list[BaseComponent]:
    """Bundle, verdict and push."""
    settings = bundle_settings(config, data).model_dump_json()
    code = code_digest("schemas", "pipeline/roles.py", "trainer", "serving")
    streams = nodes.streams
    examples = streams[Stream.INTERACTIONS].example_gen.outputs["examples"]
    bundler = Bundler(
        **models.served.models,
        fusion=models.fusion.outputs["model"],
        index=models.index.outputs["index"],
        interactions=examples,
        interactions_statistics=streams[Stream.INTERACTIONS].statistics_gen.outputs["statistics"],
        items_statistics=streams[Stream.ITEMS].statistics_gen.outputs["statistics"],
        users_file=str(data.users_path),
        histories_file=str(data.histories_path),
        settings=settings,
        code=code,
    )
    evaluator = Evaluator(
        bundle=bundler.outputs["bundle"],
        index=models.index.outputs["index"],
        interactions=examples,
        interactions_graph=nodes.transforms[Stream.INTERACTIONS].transform.outputs["transform_graph"],
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
