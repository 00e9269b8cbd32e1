"""Section: how good lists and ranking are, beside the baselines and the version before, and on slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from serving.evaluation_record import OVERALL, Evaluation, ListFigures, RankingFigures
from serving.gate import PREVIOUS
from serving.layout import RECOMMENDER
from serving.overall_figures import overall_lists, overall_ranking
from serving.report.blocks import Block, Section, Table, Text
from serving.report.figures import ABSENT, bounded, number
from serving.report.run_files import RunFiles


def metrics_section(run: RunFiles) -> Section:
    """Tables of all figures; those of slices are folded away.

    Raises:
      MissingError: The bundle was not judged.
    """
    record = run.evaluation
    blocks: list[Block] = [_overall_lists(record), *_difference(record), *_overall_ranking(record)]
    blocks += _explanations(record)
    blocks += [*_list_slices(record), *_ranking_slices(record), *_skew(record)]
    return Section("metrics", "Metrics", tuple(blocks))


def _names(figures: Iterable[ListFigures | RankingFigures]) -> list[str]:
    """Names of all metrics, in the order of their first appearance."""
    return list(dict.fromkeys(name for figure in figures for name in figure.metrics))


def _overall_lists(record: Evaluation) -> Table:
    figures = overall_lists(record)
    metrics = _names(figures.values())
    rows = tuple(
        (
            _shown(name, record),
            *(bounded(of.metrics.get(m)) for m in metrics),
            f"{of.requests:,}",
            f"{of.users:,}",
        )
        for name, of in figures.items()
    )
    caption = "Lists: the next interaction among the whole corpus, test split; 95% bounds in brackets"
    return Table(caption, ("recommender", *metrics, "requests", "users"), rows)


def _shown(name: str, record: Evaluation) -> str:
    return f"{name} (version {record.previous})" if name == PREVIOUS else name


def _difference(record: Evaluation) -> Iterator[Block]:
    """The recommender's figures less the last version's."""
    figures = overall_lists(record)
    if not {PREVIOUS, RECOMMENDER} <= set(figures):
        yield Text("No version was there before that could be asked the same requests.")
        return
    rows = []
    for name, ours in figures[RECOMMENDER].metrics.items():
        before = figures[PREVIOUS].metrics.get(name)
        if before is not None:
            change = ours.value - before.value
            relative = f"{change / before.value:+.1%}" if before.value else ABSENT
            rows.append((name, number(before.value), number(ours.value), f"{change:+.4f}", relative))
    headings = ("metric", f"version {record.previous}", "this one", "change", "relative")
    yield Table("Lists of the recommender against the version before", headings, tuple(rows))


def _overall_ranking(record: Evaluation) -> Iterator[Block]:
    """A row for each task and metric, with the baselines."""
    figures = overall_ranking(record)
    if not figures:
        yield Text("No ranking task was judged.")
        return
    baselines = list(dict.fromkeys(name for of in figures.values() for name in of.baselines))
    rows = []
    for task, of in figures.items():
        for metric, figure in of.metrics.items():
            # A baseline is one of the error alone.
            others = of.baselines if metric == "rmse" else {}
            cells = (number(others.get(name)) for name in baselines)
            rows.append((task, metric, bounded(figure), *cells, f"{of.examples:,}"))
    headings = ("task", "metric", "value", *(name.replace("_", " ") for name in baselines), "examples")
    yield Table("Ranking tasks, test split; 95% bounds in brackets", headings, tuple(rows), texts=2)


def _explanations(record: Evaluation) -> Iterator[Table]:
    """What becomes of recommendations without the event that they are said to be because of."""
    of = record.explanations
    if of is None:
        return
    caption = (
        "Reasons: the fall of an item's retrieval score, a logit, without the event of the history that is "
        "named, and without another one; 95% bounds in brackets"
    )
    metrics = tuple(of.metrics)
    row = (
        "recommender",
        *(bounded(of.metrics[name]) for name in metrics),
        f"{of.requests:,}",
        f"{of.users:,}",
    )
    yield Table(
        caption, ("reasons of", *(name.replace("_", " ") for name in metrics), "requests", "users"), (row,)
    )


def _list_slices(record: Evaluation) -> Iterator[Table]:
    """A table for each slice feature, all recommenders in it."""
    features = dict.fromkeys(f for slices in record.lists.values() for f in slices if f != OVERALL)
    for feature in features:
        of_feature = {name: slices.get(feature, {}) for name, slices in record.lists.items()}
        metrics = _names(of for slices in of_feature.values() for of in slices.values())
        values = dict.fromkeys(value for slices in of_feature.values() for value in slices)
        rows = tuple(
            (value, _shown(name, record), *_list_cells(slices[value], metrics))
            for value in values
            for name, slices in of_feature.items()
            if value in slices
        )
        headings = (feature, "recommender", *metrics, "requests", "users")
        yield Table(f"Lists by {feature}", headings, rows, texts=2, is_long=True)


def _list_cells(of: ListFigures, metrics: list[str]) -> tuple[str, ...]:
    return (*(bounded(of.metrics.get(name)) for name in metrics), f"{of.requests:,}", f"{of.users:,}")


def _ranking_slices(record: Evaluation) -> Iterator[Table]:
    """A table for each task and slice feature."""
    for task, features in record.ranking.items():
        for feature, slices in features.items():
            if feature == OVERALL:
                continue
            metrics = _names(slices.values())
            rows = tuple(
                (value, *(bounded(of.metrics.get(name)) for name in metrics), f"{of.examples:,}")
                for value, of in slices.items()
            )
            headings = (feature, *metrics, "examples")
            yield Table(f"Task {task} by {feature}", headings, rows, is_long=True)


def _skew(record: Evaluation) -> Iterator[Table]:
    """How far exported graphs are from the models as trained."""
    if not record.skew:
        return
    rows = tuple(
        (output, f"{skew.largest:.2e}", f"{skew.tolerance:.0e}", f"{skew.requests:,}")
        for output, skew in record.skew.items()
    )
    headings = ("output", "largest difference", "tolerance", "requests")
    yield Table("Exported graphs on raw requests against the models on training's features", headings, rows)
