"""A world whose truth is known: two versions that draw lists by Plackett and Luce, and people who click."""

import itertools

import numpy as np

from gateway.experiments.draw import Draw
from gateway.experiments.evaluation import cross_fitted
from gateway.experiments.off_policy import LoggedPlaces

ITEMS = tuple(f"i{number}" for number in range(6))
# What is clicked on depends on the item, on the rank, and on the item before it: nobody wants it twice.
APPEAL = np.array([0.95, 0.8, 0.5, 0.3, 0.1, 0.02])
BY_RANK = np.array([1.0, 0.7, 0.5])
RANKS = 3
LOGGER = np.array([0.4, 0.3, 0.2, 0.1, 0.0, -0.1])
BETTER = LOGGER + np.array([0.5, 0.2, 0.0, -0.2, -0.4, -0.5])
WORSE = LOGGER - np.array([0.5, 0.2, 0.0, -0.2, -0.4, -0.5])


def chances(logits, items):
    """[ranks] propensities of places of items, given those before them."""
    odds = np.exp(logits)
    return np.array([odds[item] / (odds.sum() - odds[items[:rank]].sum()) for rank, item in enumerate(items)])


def click_rates(items):
    """[ranks] chances of a click on each place of a list."""
    rates = APPEAL[items] * BY_RANK
    alike = np.array([False, *(abs(items[rank] - items[rank - 1]) == 1 for rank in range(1, RANKS))])
    return np.where(alike, rates / 2, rates)


def truth(logits):
    """Clicks that a list earns: a sum over all lists."""
    lists = [np.array(items) for items in itertools.permutations(range(len(ITEMS)), RANKS)]
    return sum(chances(logits, items).prod() * click_rates(items).sum() for items in lists)


def draw_of(logits):
    """The same, as a version's answer says it."""
    odds = np.exp(logits)
    return Draw(ITEMS, odds / odds.sum(), 0.0, frozenset(ITEMS))


def logged(rng, target, lists=2000, logger=LOGGER, told=None):
    """Lists that one version drew, as another would have.

    Args:
      told: Logits of the propensities that the log has; by default, the logger's own.
    """
    told = logger if told is None else told
    noise = rng.gumbel(size=(lists, len(ITEMS)))
    drawn = np.argsort(-(logger + noise), axis=1)[:, :RANKS]
    rewards = (rng.random((lists, RANKS)) < np.array([click_rates(items) for items in drawn])).astype(float)
    users = np.arange(lists) // 2
    shown = [[ITEMS[item] for item in items] for items in drawn]
    guessed, expected = cross_fitted(shown, rewards, users, [draw_of(target)] * lists)
    return LoggedPlaces(
        users=users,
        rewards=rewards,
        logged=np.array([chances(told, items) for items in drawn]),
        target=np.array([draw_of(target).propensities(items) for items in shown]),
        guessed=guessed,
        expected=expected,
    )
