"""Skew between an exported graph and the model it was made from."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import InputError
from serving.evaluation_record import Skew
from serving.layout import EXACT, RANKING, RETRIEVAL, model_dir
from serving.ranking_evaluation.skew import SkewInputs, _draw, measure_skew, skews
from tests.trainer.tfrecords import SmallTransformOutput, write_examples
from trainer.graphs import graph_function
from trainer.streams import TransformedStream

ROWS = 40
NUM_REQUESTS, TOLERANCE = 25, 1e-3
EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")
AGES = np.random.default_rng(0).normal(size=ROWS).astype(np.float32)
OFFSET = 3.0  # what "Transform" adds


class _Queries(tf.Module):
    """A query is [age, 1], and every item's row is its number."""

    def __init__(self):
        super().__init__()
        age = {"age": tf.TensorSpec([None], tf.float32, name="age")}
        self.encode_queries = graph_function(
            lambda x: tf.stack([x["age"], tf.ones_like(x["age"])], axis=1), input_signature=[age]
        )


def _lookup(ids):
    return tf.strings.to_number(ids, tf.int32)


def _rank(features, embeddings, rows):
    return {"like": tf.sigmoid(embeddings[:, :1] * tf.cast(rows, tf.float32) / 10)}


def _save_trained(folder):
    """Both trained modules, as far as they are asked."""
    retrieval, ranking = tf.Module(), tf.Module()
    retrieval.queries, retrieval.corpus = _Queries(), tf.Module()
    retrieval.corpus.lookup_items = graph_function(_lookup, input_signature=[tf.TensorSpec(None, tf.string)])
    specs = [
        {"age": tf.TensorSpec([None], tf.float32, name="age")},
        tf.TensorSpec([None, 2], tf.float32),
        tf.TensorSpec([None, None], tf.int32),
    ]
    ranking.rank = graph_function(_rank, input_signature=specs)
    tf.saved_model.save(retrieval, str(folder / "retrieval"))
    tf.saved_model.save(ranking, str(folder / "ranking"))


def _save_bundle(folder, offset):
    """Graphs that parse and transform raw requests themselves."""
    spec = {"age": tf.io.FixedLenFeature([], tf.float32), "item_id": tf.io.FixedLenFeature([], tf.string)}
    queries = _Queries()

    def embed(examples):
        return queries.encode_queries({"age": tf.io.parse_example(examples, spec)["age"] + offset})

    @graph_function(input_signature=[EXAMPLES])
    def embed_queries(examples):
        return {"embeddings": embed(examples)}

    @graph_function(input_signature=[EXAMPLES])
    def serving_default(examples):
        rows = _lookup(tf.io.parse_example(examples, spec)["item_id"])
        return {"like": _rank({}, embed(examples), rows[:, tf.newaxis])["like"][:, 0]}

    module = tf.Module()
    module.queries = queries
    for model, signatures in {
        RETRIEVAL: {"embed_queries": embed_queries},
        RANKING: {"serving_default": serving_default},
    }.items():
        tf.saved_model.save(module, str(model_dir(folder, EXACT, model)), signatures=signatures)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    for shard, rows in {"a.gz": range(15), "b.gz": range(15, ROWS)}.items():
        raw = [{"age": AGES[i], "item_id": str(i % 7)} for i in rows]
        transformed = [
            {"age": AGES[i] + np.float32(OFFSET), "item_id": str(i % 7), "history_item_ids": str(i % 5)}
            for i in rows
        ]
        for name, examples in (("raw", raw), ("transformed", transformed)):
            path = folder / name / "Split-test" / shard
            path.parent.mkdir(parents=True, exist_ok=True)
            write_examples(path, examples)
    _save_trained(folder / "trained")
    _save_bundle(folder / "bundle", OFFSET)
    _save_bundle(folder / "altered", OFFSET + 0.1)
    return folder


def _inputs(world, raw="raw", transformed="transformed"):
    spec = {
        "age": tf.io.FixedLenFeature([], tf.float32),
        "item_id": tf.io.FixedLenFeature([], tf.string),
        "history_item_ids": tf.io.FixedLenFeature([1], tf.string),
    }
    stream = TransformedStream(str(world / transformed), "")
    vars(stream)["transform_output"] = SmallTransformOutput(spec)
    return SkewInputs(str(world / raw), stream)


def _measure(world, bundle, seed=0, **folders):
    trained = world / "trained"
    return measure_skew(
        _inputs(world, **folders),
        str(world / bundle),
        str(trained / "retrieval"),
        str(trained / "ranking"),
        NUM_REQUESTS,
        TOLERANCE,
        seed,
    )


def test_the_same_graph_has_no_skew(world):
    measured = _measure(world, "bundle")
    assert set(measured) == {"retrieval/query", "ranking/like"}
    for skew in measured.values():
        assert skew.requests == NUM_REQUESTS
        assert skew.largest < 1e-5


def test_an_altered_graph_is_found(world):
    measured = _measure(world, "altered")
    assert all(skew.largest > TOLERANCE for skew in measured.values())
    # Ages are 0.1 apart and spread, the other column of the embeddings does not.
    expected = 0.1 / np.sqrt(np.mean([AGES.var(), 0.0]))
    np.testing.assert_allclose(measured["retrieval/query"].largest, expected, rtol=0.3)


def test_the_draw_is_seeded(world):
    masks = [_draw(_inputs(world), NUM_REQUESTS, seed).mask for seed in (1, 1, 2)]
    assert masks[0].tolist() == masks[1].tolist() != masks[2].tolist()
    assert masks[0].sum() == masks[2].sum() == NUM_REQUESTS
    assert _draw(_inputs(world), 10 * ROWS, 0).mask.all()


@pytest.mark.parametrize("case", ["fewer", "other names", "none"])
def test_examples_that_do_not_belong_together_are_refused(world, tmp_path, case):
    folder = tmp_path / "Split-test"
    folder.mkdir()
    if case != "none":
        for name in ("a.gz", "b.gz"):
            write_examples(folder / (name if case == "fewer" else f"x{name}"), [{"age": 1.0, "item_id": "1"}])
    folders = {"raw": tmp_path, "transformed": tmp_path} if case == "none" else {"raw": tmp_path}
    message = "holds no interaction of the split" if case == "none" else "do not hold the same interactions"
    with pytest.raises(InputError, match=message):
        _measure(world, "bundle", **folders)


@pytest.mark.parametrize(
    ("served", "trained", "largest"),
    [
        ([0.0, 2.0], [0.0, 2.0], 0.0),
        ([0.0, 2.5], [0.0, 2.0], 0.5),  # of a standard deviation of 1
        ([5.0, 5.0], [5.0, 5.0], 0.0),  # without spread
        ([5.0, 5.1], [5.0, 5.0], 0.1 / 5e-6),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, np.nan], [0.0, 2.0], 1e30),
        ([0.0], [0.0, 2.0], 1e30),
    ],
)
def test_differences_are_relative_to_the_spread(served, trained, largest):
    measured = skews({"x": np.array(served)}, {"x": np.array(trained)}, 1e-3)["x"]
    np.testing.assert_allclose(measured.largest, largest, rtol=1e-6)
    assert Skew.model_validate_json(measured.model_dump_json()) == measured
