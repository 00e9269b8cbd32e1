"""Section: what the data are, and what of them was rejected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.canonical import CORPUS
from pipeline.splits import EVAL, TEST, TRAIN
from pipeline.statistics_files import feature_name, read_statistics
from schemas.features import USER_ID, Stream
from serving.report.blocks import Block, MissingError, Section, Table, Text
from serving.report.figures import ABSENT, number
from serving.report.run_files import RunFiles

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

_SHOWN_CHARACTERS = 40
_LEARNT = {Stream.INTERACTIONS: TRAIN, Stream.ITEMS: CORPUS}


def data_section(run: RunFiles) -> Section:
    """Counts, splits, rejected rows, and the features' statistics."""
    summary = run.summary
    interactions = sum(split["interactions"] for split in summary["splits"].values())
    head = f"{interactions:,} interactions of {summary['users']:,} users with {summary['items']:,} items."
    blocks: list[Block] = [Text(head), _splits(summary), *_rejected(summary)]
    for stream in Stream:
        blocks += _features(run, stream)
    return Section("data", "Data", tuple(blocks))


def _splits(summary: dict[str, Any]) -> Table:
    starts = {TRAIN: "the first", EVAL: summary["eval_start"], TEST: summary["test_start"]}
    rows = tuple(
        (
            name,
            str(starts.get(name) or ABSENT)[:16].replace("T", " "),
            *(f"{counts[key]:,}" for key in ("interactions", "users", "items")),
        )
        for name, counts in summary["splits"].items()
    )
    headings = ("split", "from", "interactions", "users", "items")
    return Table("Splits by time", headings, rows, texts=2)


def _rejected(summary: dict[str, Any]) -> Iterator[Block]:
    """How many rows of each table each rule rejected."""
    rows = tuple(
        (table, rule, f"{count:,}", f"{counts['read']:,}", f"{count / counts['read']:.2%}")
        for table, counts in summary["cleaning"].items()
        for rule, count in counts["rules"].items()
    )
    if not rows:
        yield Text("No row was rejected.")
        return
    yield Table("Rejected rows", ("table", "rule", "rows", "of", "share"), rows, texts=2)


def _features(run: RunFiles, stream: Stream) -> Iterator[Block]:
    """Statistics of a stream's features, in what is learnt from."""
    try:
        folder = run.folder(f"{stream.value}.StatisticsGen", "statistics")
    except MissingError as error:
        yield Text(str(error))
        return
    statistics = read_statistics(str(folder / f"Split-{_LEARNT[stream]}"))
    dataset = statistics.datasets[0]
    rows = tuple(_feature_row(feature, dataset.num_examples) for feature in dataset.features)
    headings = ("feature", "most frequent", "missing", "distinct", "mean", "least", "median", "largest")
    caption = f"Features of the {stream.value} ({_LEARNT[stream]}, {dataset.num_examples:,} examples)"
    yield Table(caption, headings, rows, texts=2)


def _feature_row(feature: statistics_pb2.FeatureNameStatistics, num_examples: int) -> tuple[str, ...]:
    kind = feature.WhichOneof("stats")
    if kind is None:
        return (feature_name(feature), *[ABSENT] * 7)
    stats = getattr(feature, kind)
    common = stats.common_stats
    missing = f"{common.num_missing / max(num_examples, 1):.1%}"
    if kind == "num_stats":
        figures = (number(stats.mean), number(stats.min), number(stats.median), number(stats.max))
        return (feature_name(feature), ABSENT, missing, ABSENT, *figures)
    # The most frequent user is nobody's business.
    top = (
        ABSENT if feature_name(feature) == USER_ID else ", ".join(_cut(v.value) for v in stats.top_values[:3])
    )
    return (feature_name(feature), top, missing, f"{stats.unique:,}", *[ABSENT] * 4)


def _cut(text: str) -> str:
    """A text that fits a cell."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
