"""The steps behind training: bundle, verdict and push."""

from __future__ import annotations

from tfx.dsl.components.base.base_component import BaseComponent

from pipeline.canonical import PreparedData
from pipeline.code_digest import code_digest
from pipeline.config.run import RunConfig
from pipeline.nodes.data import DataNodes
from pipeline.nodes.models import ModelNodes, bundle_settings
from schemas.features import Stream
from serving.components.bundler import Bundler
from serving.components.evaluator import Evaluator
from serving.components.pusher import Pusher

PUSHER = "Pusher"  # a runner asks for it by name


def serving_nodes(
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
        interactions_schema=streams[Stream.INTERACTIONS].schema.outputs["schema"],
        items_schema=streams[Stream.ITEMS].schema.outputs["schema"],
        interactions_graph=nodes.transforms[Stream.INTERACTIONS].transform.outputs["transform_graph"],
        items_graph=nodes.transforms[Stream.ITEMS].transform.outputs["transform_graph"],
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
