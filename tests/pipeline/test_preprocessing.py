"""The Transform graphs, run by Transform's own Beam implementation on a few rows."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from pipeline.config.data import FeaturesConfig
from pipeline.config.training import TaskConfig
from pipeline.preprocessing import TransformSettings, preprocess_interactions, preprocess_items
from schemas.features import Stream, TableLayout, declare_features
from trainer.request import parsing_spec

LAYOUT = TableLayout(
    user_categories=("user_sex",),
    user_numbers=("user_age",),
    item_categories=("item_tags",),
    item_numbers=("item_year",),
    has_text=True,
)
FEATURES = FeaturesConfig(
    history_length=3, max_categories=2, number_buckets=2, crosses=(("weekday", "user_sex"),)
)
TASKS = (
    TaskConfig(name="rating", kind="value"),
    TaskConfig(name="like", kind="value_at_least", threshold=4),
    TaskConfig(name="above_usual", kind="above_usual"),
)
SETTINGS = TransformSettings(layout=LAYOUT, features=FEATURES, tasks=TASKS)
THURSDAY = 0  # 1 January 1970
SATURDAY_13_H = 2 * 86400 + 13 * 3600 + 59

INTERACTIONS = [
    {
        "user_id": "u",
        "item_id": "a",
        "timestamp": SATURDAY_13_H,
        "value": 4.0,
        "history_item_ids": ["p", "q", "r", "s"],
        "history_values": [1.0, 5.0, 5.0, 5.0],
        "user_sex": ["f"],
        "user_age": [20.0],
    },
    {
        "user_id": "v",
        "item_id": "b",
        "timestamp": THURSDAY,
        "value": 3.0,
        "history_item_ids": [],
        "history_values": [],
        "user_sex": [],
        "user_age": [40.0],
    },
    {
        "user_id": "u",
        "item_id": "a",
        "timestamp": THURSDAY,
        "value": 5.0,
        "history_item_ids": ["p"],
        "history_values": [5.0],
        "user_sex": ["m"],
        "user_age": [],
    },
]
ITEMS = [
    {"item_id": "a", "title": "A", "text": ["of a"], "item_tags": ["x", "y", "z"], "item_year": [1990.0]},
    {"item_id": "b", "title": "B", "text": [], "item_tags": [], "item_year": []},
    {"item_id": "c", "title": "C", "text": [""], "item_tags": ["x"], "item_year": [2000.0]},
]


def _transform(rows, stream, preprocessing_fn, folder):
    """Transformed rows, and the graph applied to the same rows as a server does."""
    import apache_beam as beam

    raw_spec = {
        f.name: (
            tf.io.FixedLenFeature([], parsing_spec((f,))[f.name].dtype)
            if f.required
            else tf.io.VarLenFeature(parsing_spec((f,))[f.name].dtype)
        )
        for f in declare_features(LAYOUT, FEATURES.crosses).of(stream)
    }
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(raw_spec))
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        data = pipeline | beam.Create(rows)
        (_, _), transform_fn = (data, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing_fn(inputs, SETTINGS.to_json())
        )
        transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
    import tensorflow_transform as tft

    layer = tft.TFTransformOutput(str(folder / "graph")).transform_features_layer()
    batch = {}
    for name, spec in raw_spec.items():
        values = [row[name] for row in rows]
        if isinstance(spec, tf.io.FixedLenFeature):
            batch[name] = tf.constant(values, spec.dtype)
        else:
            batch[name] = tf.ragged.constant(values, spec.dtype).to_sparse()
    return {name: values.numpy() for name, values in layer(batch).items()}, tft.TFTransformOutput(
        str(folder / "graph")
    )


@pytest.fixture(scope="module")
def interactions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interactions")
    return _transform(INTERACTIONS, Stream.INTERACTIONS, preprocess_interactions, folder)


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    return _transform(ITEMS, Stream.ITEMS, preprocess_items, tmp_path_factory.mktemp("items"))


def test_times_become_hours_and_weekdays(interactions):
    outputs, _ = interactions
    assert outputs["hour_of_day"].tolist() == [13, 0, 0]
    assert outputs["weekday"].tolist() == [5, 3, 3]  # Monday is 0


def test_vocabularies_have_an_out_of_vocabulary_row(interactions):
    outputs, graph = interactions
    assert graph.vocabulary_by_name("user_id") == [b"u", b"v"]  # the frequent one first
    assert outputs["user_id"].tolist() == [0, 1, 0]
    assert graph.vocabulary_size_by_name("user_sex") == 2
    assert outputs["user_sex"][1] == 2  # absent


def test_crosses_tell_pairs_apart(interactions):
    outputs, graph = interactions
    assert set(graph.vocabulary_by_name("weekday_x_user_sex")) == {b"5|f", b"3|", b"3|m"}
    assert len(set(outputs["weekday_x_user_sex"])) == 3


def test_numbers_become_z_scores_and_buckets(interactions):
    outputs, _ = interactions
    np.testing.assert_allclose(outputs["user_age"], [-1, 1, 0])  # mean 30, deviation 10; absent is 0
    assert outputs["user_age_bucket"].tolist() == [0, 1, 2]  # absent has a bucket of its own


def test_histories_keep_the_newest_and_are_padded_behind(interactions):
    outputs, _ = interactions
    assert outputs["history_item_ids"].tolist() == [[b"q", b"r", b"s"], [b"", b"", b""], [b"p", b"", b""]]
    np.testing.assert_array_equal(outputs["history_values"], [[5, 5, 5], [0, 0, 0], [5, 0, 0]])


def test_labels_and_their_weights(interactions):
    outputs, _ = interactions
    assert outputs["label_rating"].tolist() == [4, 3, 5]
    assert outputs["label_like"].tolist() == [1, 0, 1]
    # The whole history counts, also what is cut off: its mean is 4.
    assert outputs["weight_above_usual"].tolist() == [1, 0, 1]
    assert outputs["label_above_usual"][[0, 2]].tolist() == [0, 0]


def test_an_items_title_and_text_are_joined(items):
    outputs, _ = items
    assert outputs["text"].tolist() == [b"A. of a", b"B", b"C"]
    assert outputs["title"].tolist() == [b"A", b"B", b"C"]


def test_lists_of_categories_are_cut_and_padded(items):
    outputs, graph = items
    x, y = (graph.vocabulary_by_name("item_tags").index(tag) for tag in (b"x", b"y"))
    assert outputs["item_tags"].tolist() == [[x, y], [-1, -1], [x, -1]]


def test_an_absent_number_of_an_item(items):
    outputs, _ = items
    np.testing.assert_allclose(outputs["item_year"], [-1, 0, 1])
    assert outputs["item_year_bucket"].tolist()[1] == FEATURES.number_buckets


def test_a_loss_weight_does_not_redo_the_data_steps():
    heavier = SETTINGS.model_copy(
        update={"tasks": tuple(task.model_copy(update={"weight": 9.0}) for task in TASKS)}
    )
    assert heavier.to_json() == SETTINGS.to_json()
    fewer = SETTINGS.model_copy(update={"tasks": TASKS[:1]})
    assert fewer.to_json() != SETTINGS.to_json()
