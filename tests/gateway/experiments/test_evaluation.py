"""From a log and a version's answers to estimates; the odds of an answer are those of the graph."""

import asyncio
from collections import Counter

import numpy as np
import pytest

from gateway.events.served_list import ServedItem
from gateway.experiments.draw import Draw
from gateway.experiments.evaluation import EvaluationSettings, evaluate_version
from gateway.experiments.judged_version import JudgedVersion
from gateway.experiments.outcomes import Outcome
from gateway.experiments.reward_model import RewardModel
from pipeline.errors import InputError
from serving.client import Recommendation, Recommendations
from tests.gateway.events.samples import DAY_MS, NOON_MS, served
from tests.gateway.experiments.world import BETTER, ITEMS, LOGGER, RANKS, chances, click_rates, truth

SETTINGS = EvaluationSettings()


def _answer(logits, order):
    """As a version answers that drew the items in an order."""
    return Recommendations(
        items=tuple(
            Recommendation(ITEMS[item], f"Title {item}", rank, {}, propensity=float(chance))
            for rank, (item, chance) in enumerate(zip(order, chances(logits, order), strict=True), 1)
        )
    )


def _judged(ask, **changes):
    return JudgedVersion(**{"number": 8, "ask": ask, "retrieved": len(ITEMS), **changes})


def _answering(logits, **changes):
    """A version with some logits, whose best item always comes first."""

    async def ask(asked, controls):
        return _answer(logits, np.argsort(-logits)[: controls.k])

    return _judged(ask, **changes)


def _log(lists=1500, seed=0, **changes):
    """Lists that the logger drew, and what was clicked on."""
    rng = np.random.default_rng(seed)
    kept, followed = [], []
    for number in range(lists):
        drawn = np.argsort(-(LOGGER + rng.gumbel(size=len(ITEMS))))[:RANKS]
        one = served(f"{number:032x}", f"u{number // 2}", **changes)
        items = tuple(
            ServedItem(item_id=ITEMS[item], propensity=float(chance))
            for item, chance in zip(drawn, chances(LOGGER, drawn), strict=True)
        )
        kept.append(one.model_copy(update={"items": items}))
        for item, rate in zip(drawn, click_rates(drawn), strict=True):
            if rng.random() < rate:
                followed.append(Outcome(one.request_id, one.user, "click", ITEMS[item], None))
    return kept, followed


def _evaluated(kept, followed, judged, settings=SETTINGS):
    return asyncio.run(evaluate_version(kept, followed, judged, settings))


def test_a_better_version_is_found_by_its_answers():
    found = _evaluated(*_log(), _answering(BETTER))
    assert (found.version, found.drawn_by, found.left_out) == (8, {7: 1500}, {})
    assert found.result.conclusion == "better"
    assert found.result.estimates["dr"].low < truth(BETTER) < found.result.estimates["dr"].high
    assert found.result.logged.low < truth(LOGGER) < found.result.logged.high


def test_a_version_that_is_compared_with_itself_draws_alike():
    found = _evaluated(*_log(300), _answering(LOGGER, number=7))
    assert found.result.mean_weight.value == pytest.approx(1.0)
    assert found.result.conclusion == "no difference shown"


def test_what_the_version_drew_itself_is_left_out_where_there_is_more():
    (others, followed), (own, _) = _log(100), _log(50, model_version=8)
    own = [one.model_copy(update={"request_id": f"f{one.request_id[1:]}"}) for one in own]
    found = _evaluated([*others, *own], followed, _answering(BETTER))
    assert found.left_out == {"drawn by the version itself": 50}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "item"}, "not for a user"),
        ({"source": "popular"}, "popular list"),
        ({"controls": {"k": 3, "exploration": 0.0}}, "without exploration"),
    ],
)
def test_lists_that_say_nothing_are_left_out_and_counted(changes, why):
    good, followed = _log(100)
    bad, _ = _log(3, **changes)
    assert _evaluated([*good, *bad], followed, _answering(BETTER)).left_out == {why: 3}
    with pytest.raises(InputError, match=f"3 {why}"):
        _evaluated(bad, followed, _answering(BETTER))


def test_short_lists_and_unknown_propensities_are_left_out():
    good, followed = _log(100)
    unknown = tuple(item.model_copy(update={"propensity": None}) for item in good[0].items)
    bad = [
        good[0].model_copy(update={"items": unknown}),
        good[1].model_copy(update={"items": good[1].items[:2]}),
    ]
    found = _evaluated([*good[2:], *bad], followed, _answering(BETTER))
    assert found.left_out == {"propensities are not known": 1, "fewer than 3 items": 1}


def test_a_version_without_propensities_cannot_be_judged():
    kept, followed = _log(10)

    async def ask(asked, controls):
        return Recommendations((Recommendation("i0", "Title", 1, {}),))

    with pytest.raises(InputError, match="10 the other version gave no propensities"):
        _evaluated(kept, followed, _judged(ask))


def test_lists_that_a_version_may_have_learnt_from_do_not_count():
    """Those of the second of its newest interaction may have been the cause of it."""
    kept, followed = _log(300)
    moments = [NOON_MS + DAY_MS, NOON_MS + 1000, NOON_MS + 999]
    kept = [one.model_copy(update={"time_ms": moments[place % 3]}) for place, one in enumerate(kept)]
    found = _evaluated(kept, followed, _answering(BETTER, learnt_until=NOON_MS // 1000))
    assert found.left_out == {"no later than what the version has learnt": 100}
    assert (found.result.lists, found.learnt_until) == (200, NOON_MS // 1000)
    with pytest.raises(InputError, match="300 no later than what the version has learnt"):
        _evaluated(kept, followed, _answering(BETTER, learnt_until=(NOON_MS + 2 * DAY_MS) // 1000))


def _widening(logits, retrieved):
    """A version that draws from as many of its best items as its index gives, or as a list wants."""

    async def ask(asked, controls):
        candidates = np.argsort(-logits)[: max(retrieved, controls.k)]
        noise = np.random.default_rng(controls.seed).gumbel(size=len(ITEMS))[candidates]
        drawn = np.argsort(-(logits[candidates] + noise))[: controls.k]
        odds = logits[candidates]
        return Recommendations(
            tuple(
                Recommendation(ITEMS[candidates[item]], "Title", rank, {}, propensity=float(chance))
                for rank, (item, chance) in enumerate(zip(drawn, chances(odds, drawn), strict=True), 1)
            )
        )

    return ask


def test_a_version_that_was_made_with_a_smaller_index_is_not_judged_by_long_lists():
    kept, followed = _log(100, controls={"k": 3, "exploration": 1.0})
    for retrieved in (3, 4, 5):
        with pytest.raises(InputError, match=r"lists of 6 items .* version 8 .* set index.retrieved"):
            _evaluated(kept, followed, _judged(_widening(BETTER, retrieved)))
    for longer in (6, 5, 4):
        assert _evaluated(kept, followed, _judged(_widening(BETTER, 6), retrieved=longer)).result.lists == 100


def test_one_list_that_an_approximate_index_changes_is_none_the_worse():
    kept, followed = _log(100, controls={"k": 3, "exploration": 1.0})
    exact, other = _widening(BETTER, 6), _widening(LOGGER, 6)
    asked = Counter()

    async def ask(served, controls):
        asked[served.request_id] += 1
        is_missed = len(asked) % 4 == 1 and controls.k == 3
        return await (other if is_missed else exact)(served, controls)

    assert _evaluated(kept, followed, _judged(ask)).result.lists == 100


def test_a_version_that_shows_a_part_is_asked_until_the_odds_are_known():
    """Each draw shows four of six items."""
    kept, followed = _log()

    def showing(draws):
        async def ask(asked, controls):
            turned = 2 * min(controls.seed, draws - 1)
            return _answer(BETTER, np.roll(np.arange(6), turned)[: min(controls.k, 4)])

        return _judged(ask)

    whole = _evaluated(kept, followed, _answering(BETTER)).result
    found = _evaluated(kept, followed, showing(3)).result
    assert found.estimates["ips"].value == pytest.approx(whole.estimates["ips"].value)
    # Two items have no guess of their own, which must cost no more than precision.
    assert found.estimates["dr"].value == pytest.approx(whole.estimates["dr"].value, rel=0.03)
    doubts = _evaluated(kept, followed, showing(1)).result.doubts
    assert "draws what the logged one could not" in " ".join(doubts)


def test_a_large_log_is_sampled():
    found = _evaluated(*_log(300), _answering(BETTER), EvaluationSettings(max_lists=100))
    assert found.result.lists == 100
    assert found.left_out == {"not in the sample": 200}


def test_events_of_others_earn_nothing():
    kept, _ = _log(100)
    events = [Outcome(one.request_id, "mallory", "click", one.items[0].item_id, None) for one in kept]
    assert _evaluated(kept, events, _answering(BETTER)).result.logged.value == 0.0


def test_odds_of_an_answer_that_is_cut_short():
    draw = Draw.of(_answer(LOGGER, np.array([2, 0, 5])))
    odds = np.exp(LOGGER) / np.exp(LOGGER).sum()
    assert draw.first == pytest.approx(odds[[2, 0, 5]])
    assert draw.elsewhere == pytest.approx(odds[[1, 3, 4]].sum())
    assert draw.propensities(["i5", "i2"]) == pytest.approx(chances(LOGGER, [5, 2]))
    assert draw.propensities(["i5", "i1", "i2"]) == pytest.approx([odds[5], 0.0, 0.0])


@pytest.mark.slow
def test_odds_are_those_of_the_graph():
    """A list that the graph draws tells how likely the graph makes any other list."""
    import tensorflow as tf

    from serving.exploration import draw_propensities, explored

    rng = np.random.default_rng(1)
    order = tf.constant(rng.normal(size=(1, 40)), tf.float32)
    strength, valid = tf.constant([0.4]), tf.ones((1, 40), tf.bool)
    noisy = explored(order, tf.range(40)[tf.newaxis], strength, tf.constant([5], tf.int64), 40)
    drawn = tf.argsort(noisy, direction="DESCENDING")
    other = tf.argsort(order + 0.1 * rng.normal(size=(1, 40)), direction="DESCENDING")
    said, wanted = (draw_propensities(order, valid, strength, places)[0] for places in (drawn, other))
    items = tuple(
        Recommendation(str(int(item)), "", rank, {}, propensity=float(chance))
        for rank, (item, chance) in enumerate(zip(drawn[0], said, strict=True), 1)
    )
    found = Draw.of(Recommendations(items[:35])).propensities([str(int(item)) for item in other[0, :10]])
    assert found == pytest.approx(wanted.numpy()[:10], rel=1e-4)


def test_the_guess_leans_towards_what_an_item_earned():
    lists = [["a", "b"]] * 50 + [["b", "c"]] * 50
    rewards = np.array([[1.0, 0.0]] * 50 + [[0.0, 1.0]] * 50)
    model = RewardModel.fitted(lists, rewards)
    assert model.by_rank.tolist() == [0.5, 0.5]
    by_item = dict(zip("abcx", model.of(["a", "b", "c", "x"])[0], strict=True))
    assert by_item["a"] > 0.9
    assert by_item["b"] < 0.1
    assert by_item["x"] == 0.5
