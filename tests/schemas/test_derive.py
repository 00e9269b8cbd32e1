"""Comparators of derived schemas; the rest of them is tested with the feature records."""

from schemas.derive import MAX_CATEGORY_DISTANCE, MAX_NUMBER_DISTANCE, derive_schema
from schemas.features import Stream, TableLayout, declare_features

LAYOUT = TableLayout(
    user_categories=("user_sex",),
    user_numbers=("user_age",),
    item_categories=("item_tags",),
    item_numbers=("item_year",),
    has_event_type=True,
    has_text=True,
)


def _thresholds(kind):
    """Feature name to the threshold of its comparator, and which distance it is of."""
    found = {}
    for stream in Stream:
        for feature in derive_schema(declare_features(LAYOUT), stream).feature:
            if feature.HasField(f"{kind}_comparator"):
                ((field, distance),) = getattr(feature, f"{kind}_comparator").ListFields()
                found[feature.name] = (field.name, distance.threshold)
    return found


CATEGORY = ("infinity_norm", MAX_CATEGORY_DISTANCE)
NUMBER = ("jensen_shannon_divergence", MAX_NUMBER_DISTANCE)


def test_categories_and_numbers_may_not_drift_far():
    assert _thresholds("drift") == {
        "event_type": CATEGORY,
        "user_sex": CATEGORY,
        "item_tags": CATEGORY,
        "value": NUMBER,
        "user_age": NUMBER,
        "item_year": NUMBER,
    }


def test_what_a_request_holds_may_not_be_skewed():
    assert _thresholds("skew") == {"user_sex": CATEGORY, "user_age": NUMBER}
