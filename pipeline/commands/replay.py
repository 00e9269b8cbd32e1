"""Trains and judges retrieval models span after span, as continuous training would have."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.canonical import PreparedData, prepare
from pipeline.config.data import CustomSource
from pipeline.config.run import RunConfig
from pipeline.datasets.replay import write_spans
from pipeline.runners.local import validate_locally
from pipeline.runners.steps import Step, StepListener
from schemas.features import Stream

if TYPE_CHECKING:
    from trainer.warm_start import EarlierModel

CONTINUOUS, SCRATCH, FROZEN = "continuous", "from scratch", "frozen"
_SHOWN = ("recall@20", "ndcg@10")


@dataclass(frozen=True)
class Judged:
    """A way of training, judged on a span.

    Attributes:
      metrics: Metric to its mean over the span's requests.
      data_seconds: To make the data ready.
      training_seconds: To train.
    """

    metrics: dict[str, float]
    data_seconds: float = 0.0
    training_seconds: float = 0.0


@dataclass(frozen=True)
class ReplayedSpan:
    """A span, and how each way of training did on it.

    Attributes:
      day: The span's first day, ISO 8601.
      requests: By which the ways were judged.
      ways: By name.
    """

    day: str
    requests: int
    ways: dict[str, Judged]


@dataclass(frozen=True)
class _Trained:
    """A model, the data that it was trained on, and what both cost."""

    model: str
    folders: Mapping[str, Mapping[str, str]]
    data: PreparedData
    data_seconds: float
    training_seconds: float

    @property
    def as_earlier(self) -> EarlierModel:
        """As a later training starts from it."""
        from trainer.warm_start import EarlierModel

        graphs = {stream: self.folders[f"{stream.value}.Transform"]["transform_graph"] for stream in Stream}
        return EarlierModel(self.model, graphs)


class _Folders(StepListener):
    """Takes down where the steps wrote."""

    def __init__(self) -> None:
        self.by_step: dict[str, dict[str, str]] = {}

    def finished(self, step: Step) -> None:
        """See :class:`StepListener`."""
        self.by_step[step.node_id] = step.outputs


def replay(
    config: RunConfig, folder: Path, num_spans: int, start: float, window: int, tell: Callable[[str], None]
) -> Iterator[ReplayedSpan]:
    """Replays a source's log.

    In every span but the first, which all ways begin with, one model goes on from the last with the newest
    spans alone, another is trained from scratch on all spans so far, and a third stays as it was. Each is
    judged on a span that none has seen, by the requests that its users would have made; the span before it
    says when to stop.

    Args:
      config: Data, features, text and retrieval settings.
      folder: For everything that is written; emptied first.
      num_spans: Spans to replay.
      start: Share of the interactions that lie before them.
      window: Spans of the one that goes on: the one that tests, the one that evaluates, and those that train.
      tell: Is told what is being done.

    Yields:
      Each span as soon as it is judged.

    Raises:
      InputError: The log is too short, or cannot be read.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spans = write_spans(config.data, folder / "spans", num_spans, start)
    first = len(spans) - num_spans
    frozen = continuous = None
    for place in range(first, len(spans)):
        work = folder / spans[place].name
        _show(spans[: place + 1], work / "log")
        tell("from scratch")
        scratch = _train(config, work, None, None)
        if frozen is None or continuous is None:
            frozen = continuous = scratch
        else:
            tell("going on")
            continuous = _train(config, work, window, continuous.as_earlier)
        tell("judging")
        ways = {CONTINUOUS: continuous, SCRATCH: scratch, FROZEN: frozen}
        yield _judge(config, spans[place].name, scratch, ways, place == first)


def _show(spans: list[Path], folder: Path) -> None:
    """A folder with the spans that there are on a day."""
    folder.mkdir(parents=True)
    for span in spans:
        (folder / span.name).symlink_to(os.path.relpath(span, folder))


def _train(config: RunConfig, work: Path, window: int | None, earlier: EarlierModel | None) -> _Trained:
    """Makes the data ready as a run does, and trains the retrieval model."""
    from pipeline.nodes.models import retrieval_settings
    from trainer.precision import computing_in
    from trainer.streams import TransformedStream
    from trainer.train_retrieval import train_retrieval

    place = work / ("all" if window is None else "window")
    source = CustomSource(
        source="custom",
        adapter="pipeline.datasets.replay:Replay",
        options={
            "source": config.data.model_dump(),
            "folder": str((work / "log").resolve()),
            "spans": {"window": window},
        },
    )
    config = config.model_copy(update={"data": source, "output": place, "feedback": None})
    since = time.monotonic()
    data, listener = prepare(config), _Folders()
    validate_locally(config, data, place, listener, transform=True)
    ready = time.monotonic()
    log, corpus = (
        TransformedStream(
            listener.by_step[f"{stream.value}.Materializer"]["transformed_examples"],
            listener.by_step[f"{stream.value}.Transform"]["transform_graph"],
        )
        for stream in (Stream.INTERACTIONS, Stream.ITEMS)
    )
    model = str(place / "model")
    settings = retrieval_settings(config, data)
    with computing_in(settings.training.precision):
        train_retrieval(log, corpus, settings, model, str(place / "logs"), earlier=earlier)
    done = time.monotonic()
    return _Trained(model, listener.by_step, data, ready - since, done - ready)


def _judge(
    config: RunConfig, day: str, data: _Trained, ways: Mapping[str, _Trained], is_first: bool
) -> ReplayedSpan:
    """Asks each way's model the requests of the newest span, with all that their users did before."""
    import numpy as np
    import tensorflow as tf

    from pipeline.nodes.models import bundle_settings
    from serving.judged_interactions import JudgedInteractions
    from serving.list_evaluation.item_traits import ItemTraits
    from serving.list_evaluation.listers import collect_lists
    from serving.list_evaluation.metrics import list_metrics
    from serving.list_evaluation.module_lister import ModuleLister
    from serving.list_evaluation.requests import ListRequests

    newest: Any = tf.saved_model.load(data.model)
    examples = data.folders[f"{Stream.INTERACTIONS.value}.ExampleGen"]["examples"]
    judged = JudgedInteractions(
        examples, bundle_settings(config, data.data), newest.corpus.item_ids.numpy(), config.seed
    )
    requests = ListRequests(judged, config.evaluation.max_requests, config.seed)
    listers = {
        name: ModuleLister(tf.saved_model.load(way.model), judged.item_ids) for name, way in ways.items()
    }
    lists = collect_lists(listers, requests.blocks())
    traits = ItemTraits.of(judged.train_counts, newest.corpus.embeddings.numpy()[: len(judged.item_ids), :-1])
    profiles = [traits.profile_information(judged.seen(block)) for block in judged.blocks(requests.queries)]
    results = {}
    for name, way in ways.items():
        metrics = list_metrics(lists[name], requests.targets, np.concatenate(profiles), traits)
        costs = name != FROZEN or is_first
        results[name] = Judged(
            metrics={metric: float(metrics[metric].mean()) for metric in _SHOWN},
            data_seconds=way.data_seconds if costs else 0.0,
            training_seconds=way.training_seconds if costs else 0.0,
        )
    return ReplayedSpan(day, len(requests), results)
