"""Sizes of the embeddings, from the vocabularies."""

import pytest

from pipeline.config.data import FeaturesConfig
from schemas.features import TableLayout, declare_features
from tests.trainer.tfrecords import SmallTransformOutput
from trainer.sizes import model_sizes

LAYOUT = TableLayout(
    user_categories=("user_region",),
    user_numbers=("user_age",),
    item_categories=("item_genre",),
    item_numbers=("item_minutes",),
    has_value=False,
    has_event_type=True,
    item_vectors=(("item_sound", 12), ("item_image", 5)),
)
CROSSES = (("weekday", "hour_of_day"), ("item_genre", "item_minutes"), ("weekday", "user_region"))
WINDOWS = ("history_recency", "history_count_1d", "history_count_7d", "history_count_30d")


def _words(count):
    return [b"%d" % i for i in range(count)]


@pytest.mark.parametrize("oov", [1, 3])
def test_sizes(oov):
    interactions = SmallTransformOutput(
        vocabularies={
            "user_id": _words(40),
            "user_region": _words(5),
            "weekday_x_hour_of_day": _words(20),
            "weekday_x_user_region": _words(30),
            "history_event_types": _words(2),
        }
    )
    items = SmallTransformOutput(
        vocabularies={"item_id": _words(9), "item_genre": _words(6), "item_genre_x_item_minutes": _words(11)}
    )
    config = FeaturesConfig(history_length=7, oov_buckets=oov, number_buckets=4, crosses=CROSSES)
    sizes = model_sizes(declare_features(LAYOUT, CROSSES), config, interactions, items)
    assert sizes.num_users == 40 + oov
    assert sizes.history_length == 7
    # Buckets 0 to 3, and 4 for an absent number.
    assert sizes.query_attributes == {
        "user_region": 5 + oov,
        "user_age_bucket": 5,
        "hour_of_day": 24,
        "weekday": 7,
        "weekday_x_hour_of_day": 20 + oov,
        "weekday_x_user_region": 30 + oov,
        **{f"{name}_bucket": 5 for name in WINDOWS},
    }
    assert sizes.query_numbers == ("user_age", *WINDOWS)
    assert sizes.item_attributes == {
        "item_genre": 6 + oov,
        "item_minutes_bucket": 5,
        "item_genre_x_item_minutes": 11 + oov,
    }
    assert sizes.item_numbers == ("item_minutes",)
    assert sizes.history_numbers == WINDOWS
    assert sizes.num_event_types == 2 + oov
    assert sizes.item_vectors == {"item_sound": 12, "item_image": 5}


def test_without_event_types_and_vectors():
    words = {name: _words(3) for name in ("user_id", "item_id", "weekday_x_hour_of_day")}
    output = SmallTransformOutput(vocabularies=words)
    sizes = model_sizes(declare_features(TableLayout()), FeaturesConfig(), output, output)
    assert sizes.num_event_types == 0
    assert sizes.item_vectors == {}
    assert "history_value_30d" in sizes.query_numbers
