"""Figures of a gateway, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

import prometheus_client
from prometheus_client.samples import Sample

from gateway.api.answers import Source

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5)


class GatewayMetrics:
    """Counts requests, lists and events. No label holds what a caller made up."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()
        self._registry = registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            "recstack_gateway_requests",
            "Requests by route and status.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = prometheus_client.Histogram(
            "recstack_gateway_request_seconds",
            "How long requests took.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._lists = prometheus_client.Counter(
            "recstack_gateway_lists", "Lists by where they came from.", ["source"], registry=registry
        )
        self._events = prometheus_client.Counter(
            "recstack_gateway_events",
            "Events by kind, those that were kept before among them.",
            ["kind"],
            registry=registry,
        )
        self._duplicates = prometheus_client.Counter(
            "recstack_gateway_duplicate_events", "Events that were kept before.", registry=registry
        )
        self._lost = prometheus_client.Counter(
            "recstack_gateway_unrecorded_lists", "Lists of which no record could be kept.", registry=registry
        )
        prometheus_client.ProcessCollector(registry=registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Counts a request.

        Args:
          route: Its pattern.
          status: That it was answered with.
          seconds: How long it took.
        """
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def list_from(self, source: Source) -> None:
        """Counts a list."""
        self._lists.labels(source.value).inc()

    def events(self, kinds: dict[str, int], duplicates: int) -> None:
        """Counts a batch of events; of which kinds the duplicates were is not known."""
        for kind, number in kinds.items():
            self._events.labels(kind).inc(number)
        self._duplicates.inc(duplicates)

    def unrecorded_list(self) -> None:
        """Counts a list of which no record could be kept."""
        self._lost.inc()

    def samples(self) -> Iterator[Sample]:
        """What has been counted."""
        for metric in self._registry.collect():
            yield from metric.samples

    def page(self) -> bytes:
        """What Prometheus reads."""
        return prometheus_client.generate_latest(self._registry)
