"""The figures of a gateway that a person looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client.samples import Sample

_LISTS = "/v1/recommendations/"


@dataclass(frozen=True)
class Figures:
    """What was counted since the start.

    Attributes:
      seconds: Upper bound of a bucket to the requests for lists that took no longer; rising.
      lists: Where they came from, to how many.
      events: Kind to how many.
    """

    seconds: Mapping[float, int]
    lists: Mapping[str, int]
    events: Mapping[str, int]

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Figures:
        """Reads what :class:`gateway.metrics.GatewayMetrics` counted."""
        seconds: Counter[float] = Counter()
        lists, events = {}, {}
        for sample in samples:
            labels = sample.labels
            if sample.name == "recstack_gateway_request_seconds_bucket" and _is_list(labels["route"]):
                seconds[float(labels["le"])] += int(sample.value)
            elif sample.name == "recstack_gateway_lists_total":
                lists[labels["source"]] = int(sample.value)
            elif sample.name == "recstack_gateway_events_total":
                events[labels["kind"]] = int(sample.value)
        return cls(dict(sorted(seconds.items())), lists, events)

    @property
    def requests(self) -> int:
        """For lists."""
        return max(self.seconds.values(), default=0)

    @property
    def click_rate(self) -> float | None:
        """Clicks for each impression; `None` without any."""
        shown = self.events.get("impression", 0)
        return self.events.get("click", 0) / shown if shown else None

    def milliseconds(self, share: float) -> float | None:
        """How long that share of the requests took at most.

        Within a bucket, requests are taken to be spread evenly, as Prometheus' `histogram_quantile` does; of
        the last bucket, which has no end, its beginning is told. `None` without requests.
        """
        if not self.requests:
            return None
        wanted = share * self.requests
        for (low, before), (high, through) in pairwise([(0.0, 0), *self.seconds.items()]):
            if through >= wanted and through > before:
                width = 0.0 if high == float("inf") else high - low
                return 1000 * (low + width * (wanted - before) / (through - before))
        return None


def _is_list(route: str) -> bool:
    return route.startswith(_LISTS)
