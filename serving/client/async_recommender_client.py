"""Recommendations, typed and awaited."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from serving.client.call import Answer
from serving.client.controls import Controls
from serving.client.history import History
from serving.client.micro_batcher import AsyncPredictor
from serving.client.question import (
    RECOMMENDER,
    Question,
    histories_of_users,
    lists_for_histories,
    lists_for_texts,
    lists_for_users,
    lists_like_items,
    scores_for_histories,
)
from serving.client.recommendation import Recommendations
from serving.client.user_history import UserHistory


class AsyncRecommenderClient:
    """Asks the models of a bundle.

    Methods raise :class:`~serving.client.errors.ServingCallError`. `timestamp` is the time of a request in
    seconds since 1970, 0 for now; without `controls`, a list has ten items.
    """

    def __init__(
        self,
        client: AsyncPredictor,
        *,
        label: str | None = None,
        version: int | None = None,
        pseudonym: Callable[[str], str] | None = None,
        timeout: float | None = None,
    ):
        """Wraps a client.

        Args:
          client: Over gRPC or REST, or a
            :class:`~serving.client.micro_batcher.MicroBatcher`; whoever made it closes it.
          label: Of the versions that are asked, `stable` or `canary`; by default the newest.
          version: Number of the version that is asked, in place of a label.
          pseudonym: Makes of a user id what the bundle knows the user by, where it was made with pseudonyms:
            `PseudonymKey.load(key_file).pseudonym`.
          timeout: Seconds of a call; by default the client's.
        """
        self._client = client
        self._label = label
        self._version = version
        self._pseudonym = pseudonym or str
        self._timeout = timeout

    async def recommend_for_user(
        self,
        user_id: str,
        controls: Controls | None = None,
        *,
        timestamp: int = 0,
        recent: History | None = None,
    ) -> Recommendations:
        """A list for a user; for one who is not known and did nothing, a list that suits many.

        `recent` is what the user did since the bundle was made, with the same lists as in
        :meth:`recommend_for_history`; events with times that the bundle has learnt are left out.
        """
        sessions = None if recent is None else [recent]
        return (await self.recommend_for_users([user_id], controls, timestamp=timestamp, recent=sessions))[0]

    async def recommend_for_users(
        self,
        user_ids: Sequence[str],
        controls: Controls | None = None,
        *,
        timestamp: int = 0,
        recent: Sequence[History] | None = None,
    ) -> tuple[Recommendations, ...]:
        """Lists for several users in one call; of `recent`, each has one."""
        names = [self._pseudonym(user_id) for user_id in user_ids]
        return await self._ask(lists_for_users(names, timestamp, controls or Controls(), recent))

    async def recommend_for_history(
        self,
        history: History,
        controls: Controls | None = None,
        *,
        timestamp: int = 0,
        model: str = RECOMMENDER,
    ) -> Recommendations:
        """A list for somebody new or nameless; `model` may be `retrieval`, which is faster."""
        return (await self._ask(lists_for_histories([history], timestamp, controls or Controls(), model)))[0]

    async def similar_items(self, item_id: str, controls: Controls | None = None) -> Recommendations:
        """Items that are like one."""
        return (await self._ask(lists_like_items([item_id], controls or Controls())))[0]

    async def search_text(self, text: str, controls: Controls | None = None) -> Recommendations:
        """Items that a text speaks of."""
        return (await self._ask(lists_for_texts([text], controls or Controls())))[0]

    async def user_history(self, user_id: str, length: int = 20) -> UserHistory:
        """What a user did last, as the bundle knows it; at most `length` items."""
        return (await self._ask(histories_of_users([self._pseudonym(user_id)], length)))[0]

    async def score(
        self, history: History, item_ids: Sequence[str], *, timestamp: int = 0
    ) -> dict[str, dict[str, float]]:
        """What each task of the ranking model makes of items, by item and task."""
        return (await self._ask(scores_for_histories([history], [item_ids], timestamp)))[0]

    async def _ask(self, question: Question[Answer]) -> Answer:
        """Asks, and reads the answer."""
        outputs = await self._client.predict(
            question.model,
            question.inputs,
            signature=question.signature,
            version=self._version,
            label=self._label,
            timeout=self._timeout,
        )
        return question.read(outputs)
