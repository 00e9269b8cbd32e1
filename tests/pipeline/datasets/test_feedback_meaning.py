"""What the gateway's events are to sources of all kinds."""

import pytest

from pipeline.config.feedback import KindConfig
from pipeline.datasets.feedback_meaning import layout_with, meaning_of
from pipeline.errors import InputError
from schemas.features import TableLayout

RATINGS = TableLayout(has_value=True)
TYPES = TableLayout(has_value=False, has_event_type=True)
SPEND = TableLayout(has_value=True, has_event_type=True)
BARE = TableLayout(has_value=False, has_dwell=True)
NEWS = TableLayout(has_value=False, has_event_type=True, exposure_types=("skip",), prior_types=("read",))


def _said(meaning):
    return {kind: (entry.event_type, entry.value, entry.exposure) for kind, entry in meaning.items()}


def test_ratings_alone_are_learnt_from_where_every_interaction_has_a_value():
    assert _said(meaning_of(None, RATINGS)) == {"rating": (None, "event", False)}


def test_what_was_taken_up_is_learnt_from_where_an_interaction_has_nothing_else():
    assert set(meaning_of(None, BARE)) == {"click", "like", "purchase", "rating", "dwell"}
    assert layout_with(meaning_of(None, BARE), BARE) == BARE


def test_what_was_shown_is_what_the_source_calls_it():
    said = _said(meaning_of(None, NEWS))
    assert said["click"] == ("click", None, False)
    assert said["impression"] == said["dismiss"] == ("skip", None, True)
    assert "dwell" not in said
    assert layout_with(meaning_of(None, NEWS), NEWS) == NEWS


def test_what_was_shown_is_new_to_a_source_without_exposures():
    meaning = meaning_of(None, TYPES)
    assert layout_with(meaning, TYPES).exposure_types == ("impression", "dismiss")


def test_what_an_event_is_worth_among_values_and_types_must_be_said():
    with pytest.raises(InputError, match="what a kind of event is worth there"):
        meaning_of(None, SPEND)
    kinds = {"purchase": KindConfig(value="event"), "impression": KindConfig(value=0, exposure=True)}
    assert _said(meaning_of(kinds, SPEND)) == {
        "purchase": ("purchase", "event", False),
        "impression": ("impression", 0.0, True),
    }


@pytest.mark.parametrize(
    ("layout", "kinds", "told"),
    [
        (RATINGS, {"click": {"event_type": "view", "value": 5}}, "click: the source has no event types"),
        (
            RATINGS,
            {"impression": {"exposure": True, "value": 0}},
            "impression: the source has no event types",
        ),
        (RATINGS, {"like": {}}, "like: every interaction of the source has a value"),
        (TYPES, {"like": {"value": 5}}, "like: the source has no values"),
        (NEWS, {"like": {"event_type": "read"}}, "'read' stands for what came before"),
        (NEWS, {"like": {"event_type": "skip"}}, "'skip' stands for what was shown"),
        (
            TYPES,
            {"click": {"event_type": "x"}, "impression": {"event_type": "x", "exposure": True}},
            "click: 'x' stands for what was shown",
        ),
    ],
)
def test_what_the_source_has_no_place_for_is_told(layout, kinds, told):
    configured = {kind: KindConfig.model_validate(entry) for kind, entry in kinds.items()}
    with pytest.raises(InputError, match=told):
        meaning_of(configured, layout)
