"""The benchmark of trainings: its loops learn and are counted, and its tables say what was measured."""

import io

import numpy as np
from rich.console import Console

from benchmarks.training import rates, table, workers_table
from benchmarks.training_loops import DEFAULT, TUTORIAL, ids_alone, tutorial
from pipeline.config.training import RetrievalConfig

PAIRS = {
    "user_id": np.array([b"u%d" % (i % 7) for i in range(60)], dtype=object),
    "item_id": np.array([b"i%d" % (i % 11) for i in range(60)], dtype=object),
}
IDS = [np.unique(PAIRS[name]) for name in ("user_id", "item_id")]


def test_the_tutorial_counts_its_pairs():
    loop = tutorial(IDS, PAIRS, 20, metrics=False)
    assert (loop.positives, loop.windows) == (60, 60)
    assert all(seconds > 0 for seconds in loop.timed())


def test_figures_are_those_of_the_median_pass():
    told = rates(DEFAULT, 128, positives=600, windows=20, taken=[(1.0, 4.0), (9.0, 3.0), (2.0, 1.0)])
    assert told["positives_per_second"] == 300
    assert told["windows_per_second"] == 10
    assert told["positives_per_processor_second"] == 200


def test_ids_alone_read_no_text_and_have_no_layers():
    plain = ids_alone(RetrievalConfig())
    assert not plain.reads_text
    assert (plain.hidden_dims, plain.history_encoder.kind, plain.embedding_dim) == ((), "mean", 32)


def test_the_tables_show_the_ratio_to_the_tutorials_best():
    results = [
        rates(TUTORIAL, 128, 100, 100, [(1.0, 1.0)]),
        rates(TUTORIAL, 1024, 200, 200, [(1.0, 1.0)]),
        rates(DEFAULT, 128, 500, 20, [(1.0, 1.0)]),
    ]
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table(results))
    console.print(workers_table([{"workers": 2, **results[2]}]))
    lines = console.export_text().splitlines()
    assert any(DEFAULT in line and "500" in line and "2.50" in line for line in lines)
    assert any(line.count("0.50") and TUTORIAL in line for line in lines)
