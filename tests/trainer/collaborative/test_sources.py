"""What holds for every source."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from pipeline.config.collaborative import (
    ContentFactorsConfig,
    EaseConfig,
    IalsConfig,
    ItemKnnConfig,
    PopularityConfig,
    UserKnnConfig,
)
from tests.trainer.collaborative.small_matrix import (
    HISTORY_ROWS,
    NUM_ITEMS,
    SETS,
    checkerboard,
    multi_hot,
    random_matrix,
)
from trainer.collaborative.collaborative_module import CollaborativeModule
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.item_content import ItemContent
from trainer.collaborative.train_collaborative import fit_source

ROOT = Path(__file__).resolve().parents[3]
PERSONAL = [
    ItemKnnConfig(name="cosine", similarity="cosine", shrinkage=0, neighbours=4),
    ItemKnnConfig(name="shrunk", similarity="cosine", shrinkage=5, neighbours=4),
    ItemKnnConfig(name="correlation", similarity="pearson", shrinkage=2, neighbours=4),
    UserKnnConfig(name="users", similarity="cosine", neighbours=5),
    UserKnnConfig(name="user_correlation", similarity="pearson", neighbours=5),
    EaseConfig(regularization=3.0),
    EaseConfig(name="sparse_ease", regularization=3.0, kept=4),
    IalsConfig(factors=4, regularization=0.5, alpha=2.0, iterations=5),
    ContentFactorsConfig(factors=4, regularization=1.0),
]
ALL = [*PERSONAL, PopularityConfig()]


def _name(config):
    return config.source_name


def _fit(config, matrix):
    """Fits on items whose content says which third of the corpus they belong to."""
    groups = np.eye(3, dtype=np.float32)[np.arange(matrix.num_items) % 3]
    content = ItemContent(groups, sp.csr_matrix((matrix.num_items, 0)))
    return fit_source(config, matrix, 1, content)


@pytest.fixture(scope="module")
def sources():
    matrix = random_matrix(with_values=True)
    return {config.source_name: _fit(config, matrix) for config in ALL}


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_a_row_of_finite_scores_for_each_query(sources, config):
    scores = sources[config.source_name].scores(tf.constant(HISTORY_ROWS))
    assert scores.dtype == tf.float32
    assert scores.shape == (len(HISTORY_ROWS), NUM_ITEMS)
    assert np.isfinite(scores.numpy()).all()


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_order_padding_unknown_items_and_repetitions_change_nothing(sources, config):
    source = sources[config.source_name]
    plain = [source.scores(tf.constant([items], tf.int32, [1, len(items)])).numpy()[0] for items in SETS]
    np.testing.assert_allclose(source.scores(tf.constant(HISTORY_ROWS)), plain, atol=1e-6)


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_the_graph_equals_what_is_asked_with_a_matrix(sources, config):
    source = sources[config.source_name]
    scores = source.scores_of_matrix(sp.csr_matrix(multi_hot(SETS)))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, source.scores(tf.constant(HISTORY_ROWS)), atol=1e-6)


@pytest.mark.parametrize("config", PERSONAL, ids=_name)
def test_zeros_without_a_history(sources, config):
    scores = sources[config.source_name].scores(tf.constant(HISTORY_ROWS)).numpy()
    np.testing.assert_array_equal(scores[[1, 4]], 0)
    assert (scores[[0, 2, 3]] != 0).any(axis=1).all()


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_no_queries_and_no_places(sources, config):
    source = sources[config.source_name]
    assert source.scores(tf.zeros([0, 3], tf.int32)).shape == (0, NUM_ITEMS)
    empty = source.scores(tf.zeros([2, 0], tf.int32)).numpy()
    np.testing.assert_array_equal(empty, source.scores(tf.constant([[-1], [-1]])).numpy())


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_a_history_of_everything(sources, config):
    scores = sources[config.source_name].scores(tf.range(NUM_ITEMS)[tf.newaxis])
    assert np.isfinite(scores.numpy()).all()


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_a_corpus_of_one_item(config):
    source = _fit(config, InteractionMatrix(sp.csr_matrix(np.ones([3, 1], np.float32))))
    scores = source.scores(tf.constant([[0], [-1], [1]])).numpy()
    assert scores.shape == (3, 1)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_fitting_again_gives_the_same_and_mutates_nothing(sources, config):
    matrix = random_matrix(with_values=True)
    again = _fit(config, matrix)
    np.testing.assert_array_equal(
        again.scores(tf.constant(HISTORY_ROWS)), sources[config.source_name].scores(tf.constant(HISTORY_ROWS))
    )
    given = random_matrix(with_values=True)
    for left, right in ((matrix.binary, given.binary), (matrix.values, given.values)):
        np.testing.assert_array_equal(left.toarray(), right.toarray())


@pytest.mark.parametrize("config", PERSONAL, ids=_name)
def test_the_checkerboard(config):
    """After implicit's tests: who saw some items of a group is recommended the others of it."""
    seen = checkerboard()
    source = _fit(config, InteractionMatrix(sp.csr_matrix(seen.astype(np.float32))))
    scores = source.scores_of_matrix(sp.csr_matrix(seen))
    users, items = np.indices(seen.shape)
    liked = users % 3 == items % 3
    fresh = seen.any(axis=1) & (liked & ~seen).any(axis=1)
    assert fresh.sum() > 40
    best = np.argmax(np.where(seen, -np.inf, scores), axis=1)
    assert liked[np.arange(len(seen)), best][fresh].all()


_ASK = """
import sys
import numpy as np
import tensorflow as tf

module = tf.saved_model.load(sys.argv[1])
answers = module.scores(tf.constant(np.load(sys.argv[2])))
names = [name.decode() for name in module.names.numpy()]
np.savez(sys.argv[3], names=names, **{name: answers[name].numpy() for name in names})
assert not {"trainer", "pipeline", "schemas", "implicit", "scann"} & {m.split(".")[0] for m in sys.modules}
"""


def test_saved_and_asked_in_a_process_that_knows_none_of_our_code(sources, tmp_path):
    tf.saved_model.save(CollaborativeModule(list(sources.values())), str(tmp_path / "model"))
    np.save(tmp_path / "rows.npy", HISTORY_ROWS)
    arguments = [str(tmp_path / name) for name in ("model", "rows.npy", "answers.npz")]
    subprocess.run([sys.executable, "-c", _ASK, *arguments], check=True, cwd=tmp_path)
    answers = np.load(tmp_path / "answers.npz")
    assert answers["names"].tolist() == [config.source_name for config in ALL]
    for name, source in sources.items():
        np.testing.assert_allclose(answers[name], source.scores(tf.constant(HISTORY_ROWS)), atol=1e-5)
