"""Asks another version how it would have drawn the lists of a log, and judges it by what people did."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.events.served_list import ServedList
from gateway.experiments.draw import Draw, Floats
from gateway.experiments.judged_version import JudgedVersion
from gateway.experiments.off_policy import LoggedPlaces, OffPolicy, evaluate
from gateway.experiments.outcomes import Outcome
from gateway.experiments.reward_model import RewardModel
from pipeline.errors import InputError
from schemas.event_kinds import EventKind

_AT_ONCE = 8
_FOLDS = 5
_CHECKED = 9  # lists
_SEED = 20


@dataclass(frozen=True)
class EvaluationSettings:
    """How a version is judged.

    Attributes:
      reward: Kind of event that a place earns 1 by, however often it comes.
      ranks: Places of a list that count, from the first. Weights multiply along them.
      max_weight: Larger weights are cut to it.
      max_lists: Of more, a sample is asked about.
    """

    reward: EventKind = "click"
    ranks: int = 3
    max_weight: float = 50.0
    max_lists: int = 10_000


@dataclass(frozen=True)
class Evaluation:
    """What became of it.

    Attributes:
      version: Number of the version that was judged.
      learnt_until: Second since 1970 of the newest interaction that it has learnt from; `None` if not known.
      drawn_by: How many of the lists each version had drawn.
      left_out: How many lists could not be used, by why.
      result: The estimates.
    """

    version: int
    learnt_until: int | None
    drawn_by: dict[int | None, int]
    left_out: dict[str, int]
    result: OffPolicy


async def evaluate_version(
    lists: Iterable[ServedList],
    outcomes: Iterable[Outcome],
    judged: JudgedVersion,
    settings: EvaluationSettings,
) -> Evaluation:
    """Judges a version.

    Args:
      lists: Of the log.
      outcomes: Of the log.
      judged: The version.
      settings: How.

    Raises:
      InputError: No list can be used, or the version cannot be asked for long lists.
    """
    usable, left_out = _usable(lists, judged, settings)
    checked = random.Random(_SEED).sample(usable, min(_CHECKED, len(usable)))
    await judged.check_length(checked)
    draws = await _all_drawn(usable, judged, settings.ranks)
    pairs = [(served, draw) for served, draw in zip(usable, draws, strict=True) if draw is not None]
    left_out["the other version gave no propensities"] = len(usable) - len(pairs)
    if not pairs:
        raise InputError(f"no list of the log can be used: {_reasons(left_out) or 'there is none'}")
    places = _places(pairs, _taken(outcomes, settings.reward), settings.ranks)
    return Evaluation(
        version=judged.number,
        learnt_until=judged.learnt_until,
        drawn_by=dict(Counter(served.model_version for served, _ in pairs)),
        left_out={why: number for why, number in left_out.items() if number},
        result=evaluate(places, settings.max_weight),
    )


def _usable(
    lists: Iterable[ServedList], judged: JudgedVersion, settings: EvaluationSettings
) -> tuple[list[ServedList], Counter[str]]:
    """The lists that the version is judged by, and how many others there are, by why."""
    left_out: Counter[str] = Counter()
    usable = []
    for served in lists:
        why = _unusable(served, settings.ranks, judged)
        if why is None:
            usable.append(served)
        else:
            left_out[why] += 1
    others = [served for served in usable if served.model_version != judged.number]
    if others:  # otherwise the version is compared with itself, which tests the log
        left_out["drawn by the version itself"] = len(usable) - len(others)
        usable = others
    if len(usable) > settings.max_lists:
        left_out["not in the sample"] = len(usable) - settings.max_lists
        usable = random.Random(_SEED).sample(usable, settings.max_lists)
    return usable, left_out


def _unusable(served: ServedList, ranks: int, judged: JudgedVersion) -> str | None:
    """Why a list says nothing of a version; `None` if it says something."""
    if served.kind != "user":
        return "not for a user"
    if served.source != "model":
        return "popular list"
    if not served.controls.get("exploration"):
        return "without exploration"
    if len(served.items) < ranks:
        return f"fewer than {ranks} items"
    if not all(item.propensity for item in served.items[:ranks]):
        return "propensities are not known"
    if judged.may_have_learnt(served):
        return "no later than what the version has learnt"
    return None


def _reasons(left_out: Counter[str]) -> str:
    return ", ".join(f"{number:,} {why}" for why, number in left_out.items() if number)


async def _all_drawn(lists: Sequence[ServedList], judged: JudgedVersion, ranks: int) -> list[Draw | None]:
    """The odds for each list."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(served: ServedList) -> Draw | None:
        async with places:
            return await judged.drawn(served, ranks)

    return await asyncio.gather(*map(one, lists))


def _taken(outcomes: Iterable[Outcome], kind: EventKind) -> set[tuple[str, str, str]]:
    """Request, user and item of all that was taken up."""
    return {(one.request_id, one.user, one.item_id) for one in outcomes if one.kind == kind}


def _places(
    pairs: Sequence[tuple[ServedList, Draw]], taken: set[tuple[str, str, str]], ranks: int
) -> LoggedPlaces:
    shown = [[item.item_id for item in served.items[:ranks]] for served, _ in pairs]
    rewards = np.array(
        [
            [float((served.request_id, served.user, item) in taken) for item in items]
            for (served, _), items in zip(pairs, shown, strict=True)
        ]
    )
    _, users = np.unique([served.user for served, _ in pairs], return_inverse=True)
    draws = [draw for _, draw in pairs]
    guessed, expected = cross_fitted(shown, rewards, users, draws)
    return LoggedPlaces(
        users=users,
        rewards=rewards,
        logged=np.array([[item.propensity for item in served.items[:ranks]] for served, _ in pairs], float),
        target=np.array([draw.propensities(items) for draw, items in zip(draws, shown, strict=True)]),
        guessed=guessed,
        expected=expected,
    )


def cross_fitted(
    shown: Sequence[Sequence[str]], rewards: Floats, users: npt.NDArray[np.int64], draws: Sequence[Draw]
) -> tuple[Floats, Floats]:
    """Guesses at rewards by models of other users' lists, so that no guess knows what it is weighed against.

    Args:
      shown: n lists of R items.
      rewards: [n, R].
      users: [n] whose list it was.
      draws: n, of the other version.

    Returns:
      [n, R] of the items that stood there, and [n, R] of what the other version would draw after those
      before them.
    """
    guessed, expected = np.zeros_like(rewards), np.zeros_like(rewards)
    folds = np.random.default_rng(_SEED).integers(0, _FOLDS, users.max() + 1)[users]
    for fold in range(_FOLDS):
        train = np.flatnonzero(folds != fold)
        if not len(train):  # a guess of 0 is one, too
            continue
        model = RewardModel.fitted([shown[row] for row in train], rewards[train])
        for row in np.flatnonzero(folds == fold):
            items, draw = shown[row], draws[row]
            guessed[row] = np.diagonal(_guesses(model, items, draw))
            for rank, guesses in enumerate(_guesses(model, draw.item_ids, draw)):
                weights = draw.weights(items[:rank])
                others = max(0.0, 1.0 - float(weights.sum())) * model.by_rank[rank]
                expected[row, rank] = weights @ guesses + others
    return guessed, expected


def _guesses(model: RewardModel, items: Sequence[str], draw: Draw) -> Floats:
    """[ranks, items]: the rank's own rate for items that are not modelled."""
    modelled = np.array([item in draw.modelled for item in items])
    return np.where(modelled, model.of(items), model.by_rank[:, np.newaxis])
