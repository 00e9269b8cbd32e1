"""The steps that train: sources, their fusion, and the index over the candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.common.resolver import Resolver
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing, TransformGraph

from pipeline.canonical import PreparedData
from pipeline.code_digest import code_digest
from pipeline.config.run import RunConfig
from pipeline.nodes.data import DataNodes
from pipeline.privacy.erasure_list import ErasureList
from pipeline.splits import EVAL, TRAIN
from schemas.features import Stream
from serving.artifacts import ServingBundle
from serving.bundle_settings import BundleSettings
from serving.components.fusion_trainer import FusionTrainer
from serving.components.indexer import Indexer
from serving.previous_models import LastBlessedModels
from trainer.components.collaborative_trainer import CollaborativeTrainer
from trainer.components.ranking_trainer import RankingTrainer
from trainer.components.retrieval_refit import RetrievalRefit
from trainer.components.retrieval_trainer import RetrievalTrainer
from trainer.settings import CollaborativeSettings, RankingSettings, RetrievalSettings


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
      earlier: Finds the models that training starts from, if it does not start anew.
      rehearsed: Trained on the training split alone, so that the eval split says how to fuse them.
      fusion: Learns that.
      served: What the bundle holds: the same, or trained anew on both splits.
      index: Over the served retrieval model.
    """

    earlier: BaseComponent | None
    rehearsed: SourceNodes
    fusion: BaseComponent
    served: SourceNodes
    index: BaseComponent

    @property
    def all(self) -> list[BaseComponent]:
        """The steps in order."""
        earlier = [] if self.earlier is None else [self.earlier]
        served = [] if self.served is self.rehearsed else self.served.all
        return [*earlier, *self.rehearsed.all, self.fusion, *served, self.index]


def model_nodes(config: RunConfig, data: PreparedData, nodes: DataNodes) -> ModelNodes:
    """The trainers, the fusion and the index."""
    log, corpus = nodes.trained_on
    earlier = _earlier_models(config, nodes) if config.training.warm_start else None
    rehearsed = source_nodes(config, data, log, corpus, earlier=earlier)
    fusion = FusionTrainer(
        **rehearsed.models,
        interactions=nodes.streams[Stream.INTERACTIONS].example_gen.outputs["examples"],
        settings=bundle_settings(config, data).model_dump_json(),
        config=config.fusion.model_dump_json(),
        seed=config.seed,
        code=code_digest("schemas", "pipeline/roles.py", "trainer", "serving"),
    )
    served = rehearsed
    if config.training.refit:
        served = source_nodes(config, data, log, corpus, rehearsed, earlier)
    index = Indexer(
        retrieval=served.models["retrieval"],
        **log,
        settings=config.index.model_dump_json(),
        seed=config.seed,
        code=code_digest(
            "schemas",
            "trainer",
            "serving/index.py",
            "serving/index_builder.py",
            "serving/index_curve.py",
            "serving/scann_parameters.py",
            "serving/tower_fingerprint.py",
        ),
    )
    return ModelNodes(earlier, rehearsed, fusion, served, index)


def _earlier_models(config: RunConfig, nodes: DataNodes) -> BaseComponent:
    """Finds the models that were blessed last, of those that learnt from other examples."""
    people = ErasureList.load(config.run_dir).people.values()
    return Resolver(
        strategy_class=LastBlessedModels,
        config={"erased": sorted({folder for person in people for folder in person.artifacts})},
        interactions=nodes.streams[Stream.INTERACTIONS].example_gen.outputs["examples"],
        bundles=Channel(type=ServingBundle),
        blessings=Channel(type=ModelBlessing),
        retrieval=Channel(type=Model),
        ranking=Channel(type=Model),
        interactions_graph=Channel(type=TransformGraph),
        items_graph=Channel(type=TransformGraph),
    ).with_id("LastBlessedModels")


def source_nodes(
    config: RunConfig,
    data: PreparedData,
    log: dict[str, Any],
    corpus: dict[str, Any],
    rehearsed: SourceNodes | None = None,
    earlier: BaseComponent | None = None,
) -> SourceNodes:
    """The trainers; a refit's learn from all that is not tested, as long as was best for those rehearsed.

    They start from earlier models, if a node finds them.
    """
    splits = (TRAIN,) if rehearsed is None else data.refit_splits
    code = code_digest("schemas", "trainer")
    streams = {**log, **corpus, "code": code}

    def trained(component: Any, name: str, settings: Any, **inputs: Any) -> BaseComponent:
        node_id = f"{name}Trainer" if rehearsed is None else f"{name}Refit"
        if name != "Collaborative":
            inputs["checkpoint_dir"] = str(config.checkpoints_dir / node_id)
            inputs |= {} if earlier is None else _start(earlier, name.lower())
        return component(**streams, settings=settings.model_dump_json(), **inputs).with_id(node_id)

    if rehearsed is None:
        retrieval = trained(RetrievalTrainer, "Retrieval", retrieval_settings(config, data))
    else:
        rehearsal = {"rehearsal": rehearsed.models["retrieval"]}
        retrieval = trained(
            RetrievalRefit, "Retrieval", retrieval_settings(config, data, splits), **rehearsal
        )
    values = [task.label_name for task in config.ranking.tasks if task.kind == "value"]
    collaborative_settings = CollaborativeSettings(
        **_shared(config, data),
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
            ranking_settings(config, data),
            retrieval=retrieval.outputs["model"],
        ),
    )


def _start(earlier: BaseComponent, model: str) -> dict[str, Any]:
    """What a trainer takes of the earlier models."""
    outputs = earlier.outputs
    graphs = {f"earlier_{name}": outputs[name] for name in ("interactions_graph", "items_graph")}
    return {"earlier": outputs[model], **graphs}


def _shared(config: RunConfig, data: PreparedData) -> dict[str, Any]:
    """What all that is trained depends on; see :class:`trainer.settings.TrainerSettings`."""
    return {"layout": data.layout, "features": config.features, "seed": config.seed}


def retrieval_settings(
    config: RunConfig, data: PreparedData, splits: tuple[str, ...] = (TRAIN,)
) -> RetrievalSettings:
    """What the retrieval model depends on, whether it is trained for the bundle or tried."""
    return RetrievalSettings(
        **_shared(config, data),
        training=config.training,
        text=config.text,
        retrieval=config.retrieval,
        splits=splits,
    )


def ranking_settings(config: RunConfig, data: PreparedData) -> RankingSettings:
    """What the ranking model depends on, whether it is trained for the bundle or tried."""
    return RankingSettings(**_shared(config, data), training=config.training, ranking=config.ranking)


def bundle_settings(config: RunConfig, data: PreparedData) -> BundleSettings:
    """What the bundle and its judgement depend on."""
    return BundleSettings(
        name=config.name,
        layout=data.layout,
        crosses=config.features.crosses,
        tasks=config.ranking.tasks,
        index=config.index,
        pseudonym_key=data.pseudonym_key,
        batch_sizes=config.serving.batching.allowed_batch_sizes or (config.serving.batching.max_batch_size,),
        learnt=(TRAIN, EVAL) if config.training.refit else (TRAIN,),
    )
