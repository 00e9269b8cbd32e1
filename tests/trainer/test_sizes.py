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
)
CROSSES = (("weekday", "hour_of_day"), ("weekday", "user_region"))


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
        }
    )
    items = SmallTransformOutput(vocabularies={"item_id": _words(9), "item_genre": _words(6)})
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
    }
    assert sizes.query_numbers == ("user_age",)
    assert sizes.item_attributes == {"item_genre": 6 + oov, "item_minutes_bucket": 5}
    assert sizes.item_numbers == ("item_minutes",)
