"""The Transform graphs, run by Transform's own Beam implementation on a few rows."""

import numpy as np
import pytest

from pipeline.config.data import FeaturesConfig
from pipeline.config.ranking import TaskConfig
from pipeline.preprocessing import TransformSettings
from schemas.features import Stream, TableLayout
from tests.pipeline.small_transform import small_transform

LAYOUT = TableLayout(
    user_categories=("user_sex",),
    user_numbers=("user_age",),
    item_categories=("item_tags",),
    item_numbers=("item_year",),
    has_text=True,
    item_vectors=(("item_sound", 2),),
)
FEATURES = FeaturesConfig(
    history_length=3,
    max_categories=2,
    number_buckets=2,
    crosses=(
        ("weekday", "user_sex"),
        ("user_age", "user_sex"),
        ("item_year", "item_tags"),
        ("item_tags", "item_year"),
    ),
)
TASKS = (
    TaskConfig(name="rating", kind="value"),
    TaskConfig(name="like", kind="value_at_least", threshold=4),
    TaskConfig(name="above_usual", kind="above_usual"),
)
SETTINGS = TransformSettings(layout=LAYOUT, features=FEATURES, tasks=TASKS)
THURSDAY = 0  # 1 January 1970
HISTORY_LISTS = (
    "history_item_ids",
    "history_values",
    "history_timestamps",
    "history_dwell_seconds",
)
SATURDAY_13_H = 2 * 86400 + 13 * 3600 + 59

INTERACTIONS = [
    {
        "user_id": "u",
        "item_id": "a",
        "timestamp": SATURDAY_13_H,
        "value": 4.0,
        "history_item_ids": ["p", "q", "r", "s"],
        "history_values": [1.0, 5.0, 5.0, 5.0],
        "history_timestamps": [0, 1, 2, 3],
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
        "history_timestamps": [],
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
        "history_timestamps": [-1],
        "user_sex": ["m"],
        "user_age": [],
    },
]
ITEMS = [
    {
        "item_id": "a",
        "title": "A",
        "text": ["of a"],
        "item_tags": ["x", "y", "z"],
        "item_year": [1990.0],
        "item_sound": [0.5, -2.0],
    },
    {"item_id": "b", "title": "B"},
    {"item_id": "c", "title": "C", "text": [""], "item_tags": ["x"], "item_year": [2000.0]},
    {"item_id": "d", "title": "D", "item_tags": ["x"]},
]


@pytest.fixture(scope="module")
def interactions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interactions")
    transform = small_transform(INTERACTIONS, SETTINGS, Stream.INTERACTIONS, folder)
    return transform(INTERACTIONS), transform.output


@pytest.fixture(scope="module")
def items_transform(tmp_path_factory):
    return small_transform(ITEMS, SETTINGS, Stream.ITEMS, tmp_path_factory.mktemp("items"))


@pytest.fixture(scope="module")
def items(items_transform):
    return items_transform(ITEMS), items_transform.output


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


def test_a_number_is_crossed_by_its_bucket(interactions):
    outputs, graph = interactions
    female, absent = graph.vocabulary_by_name("user_sex").index(b"f"), 2
    male = 1 - female
    # Buckets 0, 1 and, for an absent age, 2: three to a sex.
    assert outputs["user_age_x_user_sex"].tolist() == [female * 3 + 0, absent * 3 + 1, male * 3 + 2]


def test_without_event_types_everything_is_engaged(interactions):
    outputs, _ = interactions
    assert outputs["engaged"].tolist() == [1, 1, 1]
    assert outputs["engaged"].dtype == np.float32


def test_numbers_become_z_scores_and_buckets(interactions):
    outputs, _ = interactions
    np.testing.assert_allclose(outputs["user_age"], [-1, 1, 0])  # mean 30, deviation 10; absent is 0
    assert outputs["user_age_bucket"].tolist() == [0, 1, 2]  # absent has a bucket of its own


def test_a_number_beyond_all_that_was_seen_counts_as_the_nearest(items_transform):
    requests = [{**ITEMS[0], "item_year": [year]} for year in (-1e30, 1990.0, 1999.0, 2e9)]
    asked = items_transform(requests)
    np.testing.assert_allclose(asked["item_year"], [-1, -1, 0.8, 1], atol=1e-4)
    assert asked["item_year_bucket"][[0, 3]].tolist() == [0, 1]


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


def test_dwelling_is_a_logarithm_and_unknown_where_it_makes_no_sense(tmp_path):
    layout = TableLayout(has_dwell=True)
    settings = TransformSettings(
        layout=layout,
        features=FeaturesConfig(history_length=2),
        tasks=(TaskConfig(name="reading", kind="dwell"),),
    )
    seconds = [[9.0], [], [0.0], [-3.0]]
    row = {name: INTERACTIONS[1][name] for name in ("user_id", "item_id", "timestamp", "value")}
    row |= {name: [] for name in HISTORY_LISTS}
    rows = [{**row, "dwell_seconds": each} for each in seconds]
    outputs = small_transform(rows, settings, Stream.INTERACTIONS, tmp_path)(rows)
    np.testing.assert_allclose(outputs["label_reading"], [np.log(10), 0, 0, 0], rtol=1e-6)
    assert outputs["weight_reading"].tolist() == [1, 0, 1, 0]


def test_an_items_title_and_text_are_joined(items):
    outputs, _ = items
    assert outputs["text"].tolist() == [b"A. of a", b"B", b"C", b"D"]
    assert outputs["title"].tolist() == [b"A", b"B", b"C", b"D"]


def test_lists_of_categories_are_cut_and_padded(items):
    outputs, graph = items
    x, y = (graph.vocabulary_by_name("item_tags").index(tag) for tag in (b"x", b"y"))
    assert outputs["item_tags"].tolist() == [[x, y], [-1, -1], [x, -1], [x, -1]]


def test_an_absent_number_of_an_item(items):
    outputs, _ = items
    np.testing.assert_allclose(outputs["item_year"], [-1, 0, 1, 0])
    assert outputs["item_year_bucket"].tolist()[1] == FEATURES.number_buckets


def test_a_list_is_crossed_value_by_value(items):
    outputs, graph = items
    x, y = (graph.vocabulary_by_name("item_tags").index(tag) for tag in (b"x", b"y"))
    # Buckets 0, 1 and, for an absent year, 2.
    expected = [[x * 3 + 0, y * 3 + 0], [-1, -1], [x * 3 + 1, -1], [x * 3 + 2, -1]]
    assert outputs["item_year_x_item_tags"].tolist() == expected
    assert outputs["item_tags_x_item_year"].tolist() == expected


def test_a_vector_of_another_length_is_none(items_transform, items):
    outputs, _ = items
    assert outputs["item_sound"].tolist() == [[0.5, -2.0], [0, 0], [0, 0], [0, 0]]
    requests = [{**ITEMS[0], "item_sound": [1.0] * count} for count in range(4)]
    assert items_transform(requests)["item_sound"].tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]
    assert items_transform([ITEMS[1]])["item_sound"].tolist() == [[0, 0]]


def test_a_loss_and_its_weight_do_not_redo_the_data_steps():
    heavier = SETTINGS.model_copy(
        update={"tasks": tuple(task.model_copy(update={"weight": 9.0, "loss": "listwise"}) for task in TASKS)}
    )
    assert heavier.to_json() == SETTINGS.to_json()
    fewer = SETTINGS.model_copy(update={"tasks": TASKS[:1]})
    assert fewer.to_json() != SETTINGS.to_json()
