"""Computes what a hundred million users would take, from what was measured; the tables of docs/scale.md.

python -m benchmarks.scale            # prints the tables
python -m benchmarks.scale --write    # puts them into the page
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
_TABLE = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

_FLOAT = 4
_ADAM_COPIES = 3  # a variable and its two moments
_SECONDS_A_DAY, _SECONDS_AN_HOUR = 86_400, 3_600


@dataclass(frozen=True)
class Input:
    """A number that is not computed.

    Attributes:
      value: The number.
      unit: Of it.
      source: Where it comes from: the question, a setting, a measurement, or an assumption.
    """

    value: float
    unit: str
    source: str


ASKED = "asked"
INPUTS = {
    "users": Input(100e6, "", ASKED),
    "items": Input(10e6, "", ASKED),
    "events_a_day": Input(10e9, "", ASKED),
    "events_a_request": Input(20, "", "assumed: a list of twenty, most of it shown and skipped"),
    "peak": Input(3, "times the mean", "assumed"),
    "utilisation": Input(0.6, "", "assumed: of a processor at the peak"),
    "days_kept": Input(30, "days", "assumed: `privacy.retention_days`"),
    "data_window": Input(4, "hours", "assumed: of the data steps"),
    "train_window": Input(6, "hours", "assumed: of the training"),
    "transform_factor": Input(4, "times the preparation", "assumed: Transform, statistics; not measured"),
    "prepared_bytes": Input(63, "bytes an event", "measured: tables of MovieLens 100K, 6.3 MB"),
    "example_bytes": Input(143, "bytes an event", "measured: its examples, 11.5 MB of 80,000, gzipped"),
    "prepared_rate": Input(
        25_510, "events a second and core", "measured: 10 million in 196 s on 2 cores, README"
    ),
    "embedding_dim": Input(64, "", "setting: `retrieval.embedding_dim`"),
    "text_dim": Input(384, "", "setting: MiniLM's width"),
    "factor_dim": Input(32, "", "setting: `ranking.factor_dim`"),
    "content_dim": Input(32, "", "setting: `retrieval.content_dim`"),
    "code_bits": Input(2, "bits a dimension", "ADR 12: two dimensions, 4 bits"),
    "item_bytes": Input(150, "bytes an item", "assumed: id, title, attributes"),
    "search_100k": Input(
        5_026, "queries a second and core", "measured: docs/serving.md, `trained`, recall .95"
    ),
    "search_1m": Input(2_164, "queries a second and core", "measured: docs/serving.md, the same"),
    "calls": Input(
        77, "calls a second and core", "measured: docs/serving.md, gRPC with batching, 154 on 2 cores"
    ),
    "shard_memory": Input(16e9, "bytes", "assumed: of a serving machine, for its index"),
    "replica_cores": Input(8, "cores", "assumed"),
    "worker_cores": Input(8, "cores", "assumed: of a machine of the data steps, or of the training"),
    "train_rate": Input(
        15_499, "positives a second and core", "measured: docs/distributed.md, 30,998 on 2 cores"
    ),
    "sampled": Input(0.1, "of the positives", "assumed: what a day's training reads"),
    "device_memory": Input(40e9, "bytes", "assumed: of an accelerator"),
}


@dataclass(frozen=True)
class Row:
    """A computed number.

    Attributes:
      name: What it is.
      formula: How it is computed, for people.
      value: The number.
      form: Turns it into text.
    """

    name: str
    formula: str
    value: float
    form: Callable[[float], str]


def _bytes(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"


def _count(value: float) -> str:
    return f"{round(value):,}" if value >= 100 else f"{value:.3g}"


def _whole(value: float) -> str:
    return f"{math.ceil(value):,}"


def values() -> dict[str, float]:
    """The inputs' numbers."""
    return {name: given.value for name, given in INPUTS.items()}


def storage(v: dict[str, float]) -> list[Row]:
    """What stands on disk."""
    day = v["events_a_day"] * v["prepared_bytes"]
    examples = v["events_a_day"] * v["example_bytes"]
    return [
        Row("tables, a day", "events · bytes", day, _bytes),
        Row("tables, all days kept", "· days", day * v["days_kept"], _bytes),
        Row("transformed examples, a day", "events · bytes", examples, _bytes),
        Row("the same, all days kept", "· days", examples * v["days_kept"], _bytes),
    ]


def data_steps(v: dict[str, float]) -> list[Row]:
    """Machines of Beam's jobs."""
    hours = v["events_a_day"] / v["prepared_rate"] / _SECONDS_AN_HOUR
    cores = hours * (1 + v["transform_factor"]) / v["data_window"]
    return [
        Row("preparation of a day", "events / rate, core-hours", hours, _count),
        Row(
            "with Transform and statistics",
            "· (1 + factor), core-hours",
            hours * (1 + v["transform_factor"]),
            _count,
        ),
        Row("cores", "/ window", cores, _whole),
        Row("machines", "/ cores of one", cores / v["worker_cores"], _whole),
    ]


def tables(v: dict[str, float]) -> list[Row]:
    """Variables of the models; with Adam three copies are held while training."""
    items = v["items"] * v["embedding_dim"] * _FLOAT
    users = v["users"] * (v["factor_dim"] + 1) * _FLOAT
    texts = v["items"] * v["text_dim"] * _FLOAT
    factors = v["items"] * (3 * v["factor_dim"] + 1) * _FLOAT
    return [
        Row("item embeddings, training", "items · dim · 4 · 3", items * _ADAM_COPIES, _bytes),
        Row(
            "corpus embeddings",
            "items · (dim + 1) · 4",
            v["items"] * (v["embedding_dim"] + 1) * _FLOAT,
            _bytes,
        ),
        Row("texts' embeddings", "items · 384 · 4", texts, _bytes),
        Row(
            "the same, projected first",
            "items · content_dim · 4",
            v["items"] * v["content_dim"] * _FLOAT,
            _bytes,
        ),
        Row(
            "factors of items, training",
            "items · (3 · 32 + 1) · 4 · 3",
            factors * _ADAM_COPIES,
            _bytes,
        ),
        Row("factors of users, training", "users · (32 + 1) · 4 · 3", users * _ADAM_COPIES, _bytes),
        Row(
            "devices that these factors fill",
            "(users' + items') / memory of one",
            (users + factors) * _ADAM_COPIES / v["device_memory"],
            _whole,
        ),
    ]


def index(v: dict[str, float]) -> list[Row]:
    """The index, and what a search costs; extrapolated from the two sizes that were measured."""
    width = v["embedding_dim"] + 1
    exact = v["items"] * width * _FLOAT
    codes = v["items"] * width * v["code_bits"] / 8
    memory = exact + codes + v["items"] * v["item_bytes"]
    exponent = math.log10(v["search_100k"] / v["search_1m"])
    rate = v["search_1m"] / (v["items"] / 1e6) ** exponent
    return [
        Row("codes", "items · 65 · 2 / 8", codes, _bytes),
        Row("vectors for exact scores", "items · 65 · 4", exact, _bytes),
        Row("with ids, titles, attributes", "+ items · bytes", memory, _bytes),
        Row("shards", "/ memory of a machine", memory / v["shard_memory"], _whole),
        Row("exponent of a search's time", "log10(5,026 / 2,164)", exponent, _count),
        Row("searches a second and core", "2,164 / 10^exponent", rate, _count),
    ]


def serving(v: dict[str, float]) -> list[Row]:
    """Replicas; the model's part of a call does not depend on how many items there are."""
    mean = v["events_a_day"] / v["events_a_request"] / _SECONDS_A_DAY
    peak = mean * v["peak"]
    search = {row.name: row.value for row in index(v)}["searches a second and core"]
    cores = peak * (1 / v["calls"] + 1 / search) / v["utilisation"]
    return [
        Row("requests a second, mean", "events / events a request / 86,400", mean, _count),
        Row("at the peak", "· 3", peak, _count),
        Row("cores", "peak · (1 / calls + 1 / searches) / utilisation", cores, _whole),
        Row("replicas", "/ cores of one", cores / v["replica_cores"], _whole),
    ]


def training(v: dict[str, float]) -> list[Row]:
    """A day's retraining of retrieval, one pass."""
    positives = v["events_a_day"] * v["sampled"]
    hours = positives / v["train_rate"] / _SECONDS_AN_HOUR
    return [
        Row("positives of a day's training", "events · share", positives, _count),
        Row("a pass", "/ rate, core-hours", hours, _count),
        Row("cores", "/ window", hours / v["train_window"], _whole),
        Row("machines", "/ cores of one", hours / v["train_window"] / v["worker_cores"], _whole),
    ]


TABLES = {
    "storage": storage,
    "data_steps": data_steps,
    "tables": tables,
    "index": index,
    "serving": serving,
    "training": training,
}


def rendered() -> dict[str, str]:
    """The page's tables as Markdown, by name."""
    rows = [f"| `{name}` | {_given(given)} | {given.source} |" for name, given in INPUTS.items()]
    shown = {"inputs": "\n".join(["| input | value | from |", "|---|---|---|", *rows]) + "\n"}
    for name, compute in TABLES.items():
        rows = [f"| {row.name} | {row.formula} | {row.form(row.value)} |" for row in compute(values())]
        shown[name] = "\n".join(["| what | how | comes to |", "|---|---|---|", *rows]) + "\n"
    return shown


def _given(given: Input) -> str:
    return f"{given.value:,.15g} {given.unit}".strip()


def with_tables(page: str) -> str:
    """A page with the tables as they are computed now."""
    shown = rendered()
    return _TABLE.sub(lambda found: f"{found.group(1)}{shown[found.group(2)]}{found.group(3)}", page)


def main() -> None:
    """Prints the tables, or puts them into the page."""
    parser = argparse.ArgumentParser(description="Compute what a hundred million users would take.")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scale.md")
    if parser.parse_args().write:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return
    for name, text in rendered().items():
        sys.stdout.write(f"{name}\n{text}\n")


if __name__ == "__main__":
    main()
