"""The index's benchmark: its vectors, its points, and engines in processes of their own."""

import numpy as np
import pytest

from benchmarks.index.engines import (
    EXACT,
    FAISS,
    OURS,
    PYTHON,
    REQUIREMENTS,
    Engine,
    engines_for,
)
from benchmarks.index.measurement import measure_engines, recall
from benchmarks.index.plot import draw
from benchmarks.index.scripts.engine import augmented, largest_square
from benchmarks.index.summary import best_at, frontier, ratios, reached
from benchmarks.index.trained_vectors import read_trained
from benchmarks.index.vectors import K, Trained, exact_best, make_vectors
from benchmarks.peers.environments import Environments

RNG = np.random.default_rng(0)


def _point(engine, found, rate):
    return {"engine": engine, "settings": {}, "recall": found, "queries_per_second": rate}


POINTS = [
    _point(EXACT, 1.0, 40.0),
    _point(OURS, 0.94, 9000.0),
    _point(OURS, 0.96, 2400.0),
    _point(OURS, 0.97, 2000.0),
    _point(PYTHON, 0.995, 1200.0),
    _point(FAISS, 0.96, 1000.0),
    {"engine": "hnswlib M16", "error": "not installed"},
]


def test_the_best_of_the_vectors_are_the_largest_inner_products():
    vectors = make_vectors("loose", 400, 30, 1, None)
    expected = np.argsort(-vectors.queries @ vectors.candidates.T, axis=1)[:, :K]
    np.testing.assert_array_equal(np.sort(vectors.best), np.sort(expected))
    np.testing.assert_allclose(np.linalg.norm(vectors.candidates, axis=1), 1, rtol=1e-5)


def test_clusters_are_what_their_name_says():
    nearest = {
        kind: np.median(np.sort(v.queries @ v.candidates.T, axis=1)[:, -1])
        for kind in ("clustered", "loose")
        for v in [make_vectors(kind, 2000, 50, 1, None)]
    }
    assert nearest["clustered"] > nearest["loose"] + 0.2


def test_resampled_embeddings_are_like_those_of_the_run():
    directions = RNG.standard_normal((50, 64)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    popularity = np.linspace(-1, 2, 50, dtype=np.float32)[:, np.newaxis]
    trained = Trained(
        np.concatenate([directions, popularity], 1), directions[:20] @ np.eye(64, 65, dtype="f")
    )
    vectors = make_vectors("trained", 1000, 99, 1, trained)
    assert vectors.candidates.shape == (1000, 65)
    assert len(vectors.queries) == 20  # the run has no more
    np.testing.assert_allclose(np.linalg.norm(vectors.candidates[:, :-1], axis=1), 1, rtol=1e-5)
    assert vectors.candidates[:, -1].mean() == pytest.approx(0.5, abs=0.3)
    with pytest.raises(ValueError, match="need a run's embeddings"):
        make_vectors("trained", 10, 10, 1, None)


def test_a_run_without_models_has_no_embeddings(tmp_path):
    assert read_trained(tmp_path, 1) is None


def test_the_nearest_augmented_vectors_have_the_largest_inner_products():
    candidates = RNG.standard_normal((300, 65)).astype(np.float32)
    queries = RNG.standard_normal((20, 65)).astype(np.float32)
    longer, asked = augmented(candidates, largest_square(candidates)), augmented(queries, None)
    assert longer.shape[1] == asked.shape[1] == 66
    distances = ((asked[:, np.newaxis] - longer) ** 2).sum(2)
    nearest = np.argsort(distances, axis=1)[:, :K]
    np.testing.assert_array_equal(np.sort(nearest), np.sort(exact_best(candidates, queries)))
    assert largest_square(make_vectors("loose", 50, 1, 1, None).candidates) is None


def test_recall_counts_the_best_that_were_found():
    assert recall([[1, 2], [9]], np.array([[2, 1], [3, 9]])) == 0.75


def test_an_engines_best_at_a_recall_is_its_fastest_point_that_has_it():
    assert best_at(POINTS, OURS, 0.95)["queries_per_second"] == 2400
    assert best_at(POINTS, FAISS, 0.99) is None
    assert [point["recall"] for point in frontier([*POINTS, _point(OURS, 0.95, 100)], OURS)] == [
        0.94,
        0.96,
        0.97,
    ]


def test_ratios_compare_at_equal_recall_and_verdicts_follow():
    assert ratios(POINTS, 0.95) == {
        "saved_model_by_exact": 60,
        "defaults_by_exact": None,
        "python_by_faiss": 1.2,
        "python_by_hnswlib": None,
    }
    assert reached(POINTS) == {
        "SavedModel at least 50x exact at .95": True,
        "Python at least 1.3x faiss at 0.95": False,
        "Python at least 1.3x hnswlib at 0.95": None,
        "Python at least 1.3x faiss at 0.99": None,
        "Python at least 1.3x hnswlib at 0.99": None,
    }


def test_every_pin_of_a_peer_has_hashes():
    for path in REQUIREMENTS.glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text


@pytest.mark.slow
def test_engines_are_measured_and_one_that_fails_says_why(tmp_path):
    wanted = {EXACT, PYTHON}
    engines = [engine for engine in engines_for(2000) if engine.name in wanted]
    engines.append(Engine("absent", ("search_absent.py",), None))
    vectors = make_vectors("clustered", 2000, 20, 1, None)
    points = measure_engines(engines, vectors, tmp_path, 1, Environments(tmp_path, install=False))
    assert best_at(points, EXACT, 1.0)["queries_per_second"] > 0
    assert best_at(points, PYTHON, 0.9)["processor_share"] > 0
    (failed,) = [point for point in points if point["engine"] == "absent"]
    assert "search_absent.py" in failed["error"]
    draw([{"kind": "clustered", "size": 2000, "points": points}], tmp_path / "index.png")
    assert (tmp_path / "index.png").read_bytes().startswith(b"\x89PNG")
