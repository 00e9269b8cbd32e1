"""What may be configured of an evaluation."""

import pytest
from pydantic import ValidationError

from pipeline.config.evaluation import EvaluationConfig, sliceable_features
from pipeline.errors import InputError
from schemas.features import TableLayout, declare_features

FEATURES = declare_features(
    TableLayout(user_categories=("user_city",), item_categories=("item_genre",), item_numbers=("item_year",))
)


def test_categories_and_moments_part_requests():
    assert sliceable_features(FEATURES) == ("user_city", "item_genre", "hour_of_day", "weekday")
    with_types = declare_features(TableLayout(has_event_type=True))
    assert sliceable_features(with_types) == ("event_type", "hour_of_day", "weekday")


def test_known_slices_pass():
    EvaluationConfig(slices=("item_genre", "weekday")).check_slices(FEATURES)


@pytest.mark.parametrize("name", ["item_year", "city", "user_id"])
def test_an_unknown_slice_says_what_there_is(name):
    message = f"evaluation.slices names '{name}', .* there are user_city, item_genre, hour_of_day, weekday"
    with pytest.raises(InputError, match=message):
        EvaluationConfig(slices=("weekday", name)).check_slices(FEATURES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activity_edges": [5, 5]}, r"activity_edges must be rising numbers, one at least, not \[5, 5\]"),
        ({"age_edges_days": []}, "age_edges_days must be rising numbers"),
        ({"age_edges_days": [0, 7]}, "greater than or equal to 1"),
        ({"activity_edges": [-1, 7]}, "greater than or equal to 0"),
        ({"slices": ["weekday", "weekday"]}, "slices names 'weekday' twice"),
        ({"bootstrap_samples": 99}, "greater than or equal to 100"),
        ({"max_requests": 0}, "greater than or equal to 1"),
        ({"requests": 5}, "not permitted"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        EvaluationConfig.model_validate(settings)
