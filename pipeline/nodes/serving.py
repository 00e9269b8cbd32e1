"""The steps behind training: bundle, judgement and push."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import ModelBlessing

from pipeline.canonical import PreparedData
from pipeline.code_digest import code_digest
from pipeline.config.run import RunConfig
from pipeline.nodes.data import DataNodes
from pipeline.nodes.models import ModelNodes, bundle_settings
from schemas.features import Stream
from serving.artifacts import ServingBundle
from serving.bundle_settings import BundleSettings
from serving.components.bundle_evaluator import BundleEvaluator
from serving.components.bundler import Bundler
from serving.components.pusher import Pusher
from serving.components.ranking_evaluator import ranking_evaluator
from serving.components.ranking_predictor import RankingPredictor
from serving.previous_bundle import LastBlessedBundle

# Who puts the graph together or runs it asks for them by name.
BUNDLER, LAST_BUNDLE, PUSHER = "Bundler", "LastBlessedBundle", "Pusher"


def last_blessed(bundle: Channel) -> BaseNode:
    """Finds the bundle to compare with in ML Metadata."""
    return Resolver(
        strategy_class=LastBlessedBundle,
        candidate=bundle,
        bundles=Channel(type=ServingBundle),
        blessings=Channel(type=ModelBlessing),
    ).with_id(LAST_BUNDLE)


def serving_nodes(
    config: RunConfig,
    data: PreparedData,
    nodes: DataNodes,
    models: ModelNodes,
    find_last: Callable[[Channel], BaseNode] = last_blessed,
) -> list[BaseNode]:
    """Bundle, judgement and push.

    Args:
      config: The configuration.
      data: The input files.
      nodes: The data steps.
      models: The steps that train.
      find_last: Makes the step that finds what a bundle is compared with; its output is `bundles`.
    """
    settings = bundle_settings(config, data)
    config.evaluation.check_slices(settings.feature_set)
    code = code_digest("schemas", "pipeline/roles.py", "trainer", "serving")
    bundler = _bundler(data, nodes, models, settings, code)
    bundle = bundler.outputs["bundle"]
    judging = _judging_nodes(config, nodes, models, bundle, find_last(bundle), settings, code)
    evaluator = judging[-1]
    pusher = Pusher(
        bundle=bundle,
        evaluation=evaluator.outputs["bundle_evaluation"],
        blessing=evaluator.outputs["bundle_blessing"],
        destination=str(config.bundle_dir),
        serving=config.serving.model_dump_json(),
    ).with_id(PUSHER)
    return [bundler, *judging, pusher]


def _bundler(
    data: PreparedData, nodes: DataNodes, models: ModelNodes, settings: BundleSettings, code: str
) -> BaseComponent:
    """The step that puts the bundle together."""
    log, corpus = nodes.streams[Stream.INTERACTIONS], nodes.streams[Stream.ITEMS]
    return Bundler(
        **models.served.models,
        fusion=models.fusion.outputs["model"],
        index=models.index.outputs["index"],
        interactions=log.example_gen.outputs["examples"],
        items=corpus.example_gen.outputs["examples"],
        interactions_statistics=log.statistics_gen.outputs["statistics"],
        items_statistics=corpus.statistics_gen.outputs["statistics"],
        interactions_schema=log.schema.outputs["schema"],
        items_schema=corpus.schema.outputs["schema"],
        interactions_graph=nodes.transforms[Stream.INTERACTIONS].transform.outputs["transform_graph"],
        items_graph=nodes.transforms[Stream.ITEMS].transform.outputs["transform_graph"],
        users_file=str(data.users_path),
        histories_file=str(data.histories_path),
        settings=settings.model_dump_json(),
        code=code,
    ).with_id(BUNDLER)


def _judging_nodes(
    config: RunConfig,
    nodes: DataNodes,
    models: ModelNodes,
    bundle: Channel,
    last: BaseNode,
    settings: BundleSettings,
    code: str,
) -> list[BaseNode]:
    """What judges a bundle beside the last one; the last step gives the verdict."""
    transform = nodes.transforms[Stream.INTERACTIONS]
    shared: dict[str, Any] = {
        "bundle": bundle,
        "previous": last.outputs["bundles"],
        "interactions": nodes.streams[Stream.INTERACTIONS].example_gen.outputs["examples"],
        "interactions_graph": transform.transform.outputs["transform_graph"],
        "items": nodes.streams[Stream.ITEMS].example_gen.outputs["examples"],
        "settings": settings.model_dump_json(),
        "evaluation": config.evaluation.model_dump_json(),
        "seed": config.seed,
        "code": code,
    }
    predictor = RankingPredictor(**shared)
    judged = ranking_evaluator(
        predictor, settings.tasks, config.gate.ranking, config.evaluation.slice_features
    )
    evaluator = BundleEvaluator(
        **shared,
        index=models.index.outputs["index"],
        retrieval=models.served.retrieval.outputs["model"],
        ranking=models.served.ranking.outputs["model"],
        transformed=transform.materializer.outputs["transformed_examples"],
        predictions=predictor.outputs["predictions"],
        ranking_evaluation=judged.outputs["evaluation"],
        gate=config.gate.model_dump_json(),
        served=str(config.bundle_dir),
    )
    return [last, predictor, judged, evaluator]
