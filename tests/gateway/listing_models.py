"""In the models' place: lists that say what they were asked."""

import asyncio
from dataclasses import dataclass, field

import grpc

from serving.client import Recommendation, Recommendations, UnavailableError

NUM_ITEMS = 300


@dataclass
class ListingModels:
    """Lists i0, i1, ... but for what is excluded or of the session.

    Attributes:
      calls: What was asked: kind, about, the session's items, controls.
      is_gone: Whether there is no answer.
      seconds: Until there is one.
      labels: Which version each was asked of.
      go: Is waited for before there is one.
    """

    calls: list = field(default_factory=list)
    labels: list = field(default_factory=list)
    is_gone: bool = False
    seconds: float = 0.0
    go: asyncio.Event | None = None

    async def for_user(self, user, events, controls, label, timestamp):
        self.labels.append(label)
        return await self._list("user", user, [event.item_id for event in events], controls)

    async def like_item(self, item_id, controls, label):
        self.labels.append(label)
        return await self._list("item", item_id, [item_id], controls)

    async def for_text(self, text, controls, label):
        self.labels.append(label)
        return await self._list("text", text, [], controls)

    async def versions(self):
        if self.is_gone:
            raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "gone")
        return {"newest": 3}

    async def close(self):
        """Nothing is open."""

    async def _list(self, kind, about, session, controls):
        self.calls.append((kind, about, session, controls))
        await asyncio.sleep(self.seconds)
        if self.go is not None:
            await self.go.wait()
        if self.is_gone:
            raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "gone")
        without = {*session, *controls.exclude}
        ids = [f"i{i}" for i in range(NUM_ITEMS) if f"i{i}" not in without][: controls.k]
        items = tuple(
            Recommendation(
                item_id=item_id,
                title=f"Title of {item_id}",
                rank=rank,
                scores={"retrieval_score": 1 / rank},
                because_item_id=session[-1] if session else None,
                because_title=f"Title of {session[-1]}" if session else None,
                propensity=0.5,
            )
            for rank, item_id in enumerate(ids, 1)
        )
        return Recommendations(items, known=about.startswith("u") if kind == "user" else None, version=3)
