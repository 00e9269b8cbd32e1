"""In the models' place: lists that say what they were asked."""

import asyncio
from dataclasses import dataclass, field

import grpc

from serving.client import Recommendation, Recommendations, UnavailableError
from serving.client.reason import Reason
from serving.client.user_history import PastItem, UserHistory

NUM_ITEMS = 300


@dataclass
class ListingModels:
    """Lists i0, i1, ... but for what is excluded or of the session.

    Attributes:
      calls: What was asked: kind, about, the session's items, controls.
      is_gone: Whether there is no answer.
      seconds: Until there is one.
      go: Is waited for before there is one.
      title: Of an item, with a place for its id.
      item_id: Of an item, with a place for its number.
      labels: Label to version, beside the newest, 3.
      asked_labels: Those of the lists that were asked for.
    """

    calls: list = field(default_factory=list)
    is_gone: bool = False
    seconds: float = 0.0
    go: asyncio.Event | None = None
    title: str = "Title of {}"
    item_id: str = "i{}"
    labels: dict = field(default_factory=dict)
    asked_labels: list = field(default_factory=list)

    async def for_user(self, user, events, controls, label, timestamp):
        return await self._list("user", user, [event.item_id for event in events], controls, label)

    async def like_item(self, item_id, controls, label):
        return await self._list("item", item_id, [item_id], controls, label)

    async def for_text(self, text, controls, label):
        return await self._list("text", text, [], controls, label)

    async def user_history(self, user, length, label):
        self.calls.append(("history", user, length, label))
        if self.is_gone:
            raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "gone")
        items = tuple(PastItem(f"h{i}", self.title.format(f"h{i}"), 4.0) for i in range(min(length, 3)))
        known = user.startswith("u")
        return UserHistory(known, items if known else ())

    async def versions(self):
        if self.is_gone:
            raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "gone")
        return {"newest": 3, **self.labels}

    async def close(self):
        """Nothing is open."""

    def _because_of(self, item_id):
        return (Reason("history", 1.0, (item_id,), (self.title.format(item_id),)),)

    async def _list(self, kind, about, session, controls, label):
        self.asked_labels.append(label)
        self.calls.append((kind, about, session, controls))
        await asyncio.sleep(self.seconds)
        if self.go is not None:
            await self.go.wait()
        if self.is_gone:
            raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "gone")
        without = {*session, *controls.exclude}
        every = map(self.item_id.format, range(NUM_ITEMS))
        ids = [item_id for item_id in every if item_id not in without][: controls.k]
        items = tuple(
            Recommendation(
                item_id=item_id,
                title=self.title.format(item_id),
                rank=rank,
                scores={"retrieval_score": 1 / rank, "rating": 5 - rank / 10, "like": 0.75},
                propensity=0.5,
                reasons=self._because_of(session[-1]) if session else (),
            )
            for rank, item_id in enumerate(ids, 1)
        )
        return Recommendations(items, known=about.startswith("u") if kind == "user" else None, version=3)
