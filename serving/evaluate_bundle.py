"""Judges a bundle as a client would, beside the baselines and the last bundle, on the test split."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from pipeline.config.evaluation import EvaluationConfig
from pipeline.config.gate import GateConfig
from pipeline.errors import BundleError
from pipeline.progress import PROGRESS_LOGGER
from serving.bundle_settings import BundleSettings
from serving.evaluation_record import OVERALL, Evaluation, IndexReport
from serving.gate import PREVIOUS, judge
from serving.index_builder import REPORT_FILE
from serving.judged_interactions import JudgedInteractions
from serving.layout import RECOMMENDER, RETRIEVAL, version_dir, versions
from serving.list_evaluation.evaluate import evaluate_lists
from serving.list_evaluation.explanations import measure_explanations
from serving.list_evaluation.requests import ListRequests
from serving.manifest import read_digest, read_manifest, used_model_dir
from serving.ranking_evaluation.evaluate import evaluate_ranking
from serving.ranking_evaluation.skew import SkewInputs, measure_skew
from trainer.streams import TransformedStream


@dataclass(frozen=True)
class EvaluationInputs:
    """Folders.

    Attributes:
      bundle: The exported bundle.
      index: Its index, with what was measured of it.
      retrieval: SavedModel of the trained retrieval module.
      ranking: SavedModel of the trained ranking module.
      interactions: The raw interactions.
      transformed: What Transform made of them.
      graph: Transform's graph of them.
      items: The raw items.
      predictions: What the ranking models answered; see :class:`RankingPredictions`.
      ranking_evaluation: What TFMA made of those.
      previous: The bundle that was blessed before; `None` if there is none.
      served: Where bundles are pushed to.
    """

    bundle: str
    index: str
    retrieval: str
    ranking: str
    interactions: str
    transformed: str
    graph: str
    items: str
    predictions: str
    ranking_evaluation: str
    previous: str | None
    served: str


def evaluate_bundle(
    inputs: EvaluationInputs,
    settings: BundleSettings,
    config: EvaluationConfig,
    gate: GateConfig,
    seed: int,
) -> Evaluation:
    """All figures of a bundle, of the baselines and of the last bundle, and the gate's verdict.

    Args:
      inputs: What is judged, and by what.
      settings: The bundle's.
      config: What is measured.
      gate: The thresholds.
      seed: Of all draws.

    Raises:
      InputError: There is nothing to judge by, or a threshold is of what is not measured.
    """
    import scann  # noqa: F401  (registers ScaNN's ops, in case the bundle holds some)

    bundle = Path(inputs.bundle)
    models = {n: tf.saved_model.load(str(used_model_dir(bundle, n))) for n in (RETRIEVAL, RECOMMENDER)}
    item_ids = models[RETRIEVAL].retrieval.corpus.item_ids.numpy()
    data = JudgedInteractions(inputs.interactions, settings, item_ids, seed, learnt=settings.learnt)
    previous = comparable(inputs.previous, settings.pseudonym_key)
    folder = None if previous is None else used_model_dir(Path(previous), RECOMMENDER)
    lists = evaluate_lists(data, models, settings.feature_set, inputs.items, config, seed, folder)
    sliced = [name for name in lists[RETRIEVAL] if name != OVERALL]
    ranking = evaluate_ranking(
        inputs.predictions, inputs.ranking_evaluation, settings.tasks, gate.ranking, config, sliced, seed
    )
    skew = measure_skew(
        SkewInputs(inputs.interactions, TransformedStream(inputs.transformed, inputs.graph)),
        inputs.bundle,
        inputs.retrieval,
        inputs.ranking,
        config.skew_requests,
        gate.max_skew,
        seed,
    )
    explanations = measure_explanations(
        ListRequests(data, config.max_requests, seed),
        models,
        settings.feature_set,
        config.reason_requests,
        config.bootstrap_samples,
        seed,
    )
    measured = Evaluation(
        lists=lists,
        explanations=explanations,
        previous=_pushed_as(previous, Path(inputs.served)) if PREVIOUS in lists else None,
        ranking=ranking.figures,
        calibration=ranking.calibration,
        index=IndexReport.model_validate_json(Path(inputs.index, REPORT_FILE).read_text(encoding="utf-8")),
        skew=skew,
    )
    reasons = (*judge(measured, gate), *ranking.reasons)
    return measured.model_copy(update={"blessed": not reasons, "reasons": reasons})


def comparable(bundle: str | None, pseudonym_key: str | None) -> str | None:
    """A bundle's folder, if it knows users by the names that they have now; else `None`, and a warning."""
    if bundle is None:
        return None
    try:
        if read_manifest(Path(bundle)).pseudonym_key == pseudonym_key:
            return bundle
        reason = "it knows users by pseudonyms of another key"
    except BundleError as error:
        reason = str(error)
    logging.getLogger(PROGRESS_LOGGER).warning("the last bundle is not compared with: %s", reason)
    return None


def _pushed_as(bundle: str | None, served: Path) -> int | None:
    """The newest version with a bundle's contents."""
    if bundle is None:
        return None
    digest = read_digest(Path(bundle))
    same = [n for n in versions(served) if read_digest(version_dir(served, n)) == digest]
    return same[-1] if same else None
