"""Lists: from the cache, the models, or the popular list, in this order and within the deadline."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cachetools import TTLCache

from gateway.admission import Admission, NoRoomError
from gateway.api.answers import ListAnswer, Source
from gateway.asked import NOTHING_LATELY, Asked
from gateway.deadline import left
from gateway.events.served_list import ServedItem, ServedList
from gateway.experiments.split import arm_of
from gateway.model_server import ModelServer, now
from gateway.popular import PopularList
from gateway.sessions import Session, SessionStore, SessionStoreError
from gateway.wording import listed_items
from pipeline.config.gateway import GatewayConfig
from serving.client import Controls, Recommendation, Recommendations, ServingCallError

logger = logging.getLogger(__name__)

_NEVER = 1e-9  # seconds; the cache wants some
_SEED_DIGITS = 15


@dataclass(frozen=True)
class _Made:
    """A list that models made.

    Attributes:
      lists: Their answer.
      seed: Of the noise.
      timestamp: Of the request that it was made for.
    """

    lists: Recommendations
    seed: int
    timestamp: int


class Recommending:
    """Makes lists.

    Args:
      config: Of the gateway.
      models: Are asked.
      sessions: Users' newest events.
      popular: Takes the models' place.
      keep: Is given each list that somebody got, when it is on its way.
      count: Is told where each list came from.
    """

    def __init__(
        self,
        config: GatewayConfig,
        models: ModelServer,
        sessions: SessionStore,
        popular: PopularList,
        keep: Callable[[ServedList], None],
        count: Callable[[Source], None],
    ):
        self._config = config
        self._models = models
        self._sessions = sessions
        self._popular = popular
        self._keep = keep
        self._count = count
        # A version that is slow must not take the room of another.
        self._admissions: defaultdict[str | None, Admission] = defaultdict(partial(Admission, self._seconds))
        self._cache: TTLCache[Hashable, _Made] = TTLCache(
            config.cache.max_lists, config.cache.ttl_seconds or _NEVER
        )

    async def for_user(self, user: str, controls: Controls, label: str | None = None) -> ListAnswer:
        """A list for a user, without what they dismissed lately."""
        session = await self.session(user)
        dismissed = {event.item_id for event in session.events if event.kind == "dismiss"}
        controls = controls.model_copy(
            update={
                "exclude": tuple(sorted(dismissed.union(controls.exclude))),
                "exploration": self._config.exploration,
            }
        )
        label, arm = self._label_and_arm(user, label)
        asked = Asked("user", user, user, controls, label, arm, session)
        return await self._answer(
            asked,
            lambda seeded, timestamp: self._models.for_user(
                user, session.events, seeded, asked.label, timestamp
            ),
        )

    async def like_item(
        self, item_id: str, controls: Controls, user: str | None, label: str | None = None
    ) -> ListAnswer:
        """Items that are like one."""
        asked = Asked("item", item_id, user, controls, *self._label_and_arm(user, label))
        return await self._answer(
            asked, lambda seeded, _: self._models.like_item(item_id, seeded, asked.label)
        )

    async def for_text(
        self, text: str, controls: Controls, user: str | None, label: str | None = None
    ) -> ListAnswer:
        """Items that a text speaks of."""
        asked = Asked("text", text, user, controls, *self._label_and_arm(user, label))
        return await self._answer(asked, lambda seeded, _: self._models.for_text(text, seeded, asked.label))

    async def forget(self, user: str) -> None:
        """Drops a user's session, and the lists that were made of it."""
        await self._sessions.forget(user)
        for key in [key for key in self._cache if isinstance(key, tuple) and key[:2] == ("user", user)]:
            self._cache.pop(key, None)

    async def session(self, user: str) -> Session:
        """A user's session; an empty one if it cannot be had in time."""
        try:
            return await asyncio.wait_for(self._sessions.of(user), self._seconds / 2)
        except (SessionStoreError, asyncio.TimeoutError) as error:
            logger.warning("a user's newest events are left out: %s", error or "the time was up")
            return NOTHING_LATELY

    def _label_and_arm(self, user: str | None, wanted: str | None) -> tuple[str | None, str | None]:
        """Which version answers, and the arm of the experiment that somebody is in who wants no other."""
        if wanted is not None:
            return wanted, None
        if self._config.experiment is None or user is None:
            return self._config.label, None
        arm = arm_of(user, self._config.experiment)
        return arm, arm

    @property
    def _seconds(self) -> float:
        return self._config.deadline_ms / 1000

    async def _answer(
        self, asked: Asked, ask: Callable[[Controls, int], Awaitable[Recommendations]]
    ) -> ListAnswer:
        """The answer to a request, which is kept if somebody asked for it."""
        request_id = secrets.token_hex(16)
        made, source = self._cache.get(asked.key), Source.CACHE
        if made is None:
            made, source = await self._made(asked, ask, int(request_id[:_SEED_DIGITS], 16)), Source.MODEL
        if made is None:
            source = Source.POPULAR
        items = self._instead(asked) if made is None else made.lists.items
        self._count(source)
        if asked.user is not None:
            experiment = self._config.experiment
            self._keep(_record(request_id, asked, experiment.name if experiment else None, made, items))
        return ListAnswer(
            request_id=request_id,
            source=source,
            model_version=made.lists.version if made else None,
            arm=asked.arm,
            known=made.lists.known if made else None,
            items=listed_items(items, source),
        )

    async def _made(
        self, asked: Asked, ask: Callable[[Controls, int], Awaitable[Recommendations]], seed: int
    ) -> _Made | None:
        """What the models answer; `None` if they do not answer in time."""
        controls, timestamp = asked.controls.model_copy(update={"seed": seed}), now()
        try:
            admission = self._admissions[asked.label]
            lists = await admission.ask(lambda: ask(controls, timestamp), left(self._seconds))
        except NoRoomError:
            logger.warning("the models were not asked: there is more to do than they do in time")
            return None
        except asyncio.TimeoutError:
            logger.warning("the models did not answer: the time was up")
            return None
        except ServingCallError as error:
            # Its words may quote the request.
            logger.warning("the models did not answer: %s", error.code.name)
            return None
        made = _Made(lists, seed, timestamp)
        self._cache[asked.key] = made
        return made

    def _instead(self, asked: Asked) -> tuple[Recommendation, ...]:
        """The popular list; nothing where categories are asked for, which it does not know."""
        if asked.controls.allow or asked.controls.deny:
            return ()
        seen = {event.item_id for event in asked.session.events}
        return self._popular.best(asked.controls.k, frozenset(seen.union(asked.controls.exclude)))


def _record(
    request_id: str,
    asked: Asked,
    experiment: str | None,
    made: _Made | None,
    items: tuple[Recommendation, ...],
) -> ServedList:
    """What is kept of a list: enough to judge and to learn from it later."""
    features: dict[str, Any] = {"timestamp": made.timestamp if made else now()}
    if asked.kind == "user":
        features["events"] = [
            [event.item_id, event.kind, event.timestamp_ms, event.value, event.dwell_seconds]
            for event in asked.session.events
        ]
    else:
        features[asked.kind] = asked.about
    return ServedList(
        request_id=request_id,
        user=asked.user or "",
        time_ms=time.time_ns() // 1_000_000,
        kind=asked.kind,
        source="popular" if made is None else "model",
        label=asked.label,
        model_version=made.lists.version if made else None,
        experiment=experiment,
        arm=asked.arm,
        controls=asked.controls.model_dump() | ({"seed": made.seed} if made else {}),
        features=features,
        items=tuple(
            ServedItem(item_id=item.item_id, scores=dict(item.scores), propensity=item.propensity)
            for item in items
        ),
    )
