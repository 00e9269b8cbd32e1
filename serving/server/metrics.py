"""Prometheus metrics under TensorFlow Serving's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import prometheus_client

from serving.server.status import Code

_BUCKETS = [10 * 1.8**power for power in range(33)]  # microseconds, up to about 25 minutes
_MICRO = 1e6


class ServerMetrics:
    """Counts calls and how long they took; an observer of calls.

    Args:
      names: Tells the names of the models there are: a caller must not fill the memory by naming others.
    """

    def __init__(self, names: Callable[[], Iterable[str]]):
        prometheus_client.disable_created_metrics()
        self._names = names
        self._registry = prometheus_client.CollectorRegistry()
        self._count = prometheus_client.Counter(
            ":tensorflow:serving:request_count",
            "Calls by model and status.",
            ["model_name", "status"],
            registry=self._registry,
        )
        self._latency = prometheus_client.Histogram(
            ":tensorflow:serving:request_latency",
            "Time that calls took, in microseconds.",
            ["model_name", "API", "entrypoint"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        prometheus_client.ProcessCollector(registry=self._registry)

    def __call__(self, model_name: str, status: Code, seconds: float, api: str, entrypoint: str) -> None:
        """Counts a call; see :class:`serving.server.observer.Observer`."""
        name = model_name if model_name in self._names() else ""
        self._count.labels(name, status.name).inc()
        self._latency.labels(name, api, entrypoint).observe(seconds * _MICRO)

    def page(self) -> bytes:
        """What Prometheus reads."""
        # The library ends the names of counters with `_total`, and TensorFlow Serving does not.
        return prometheus_client.generate_latest(self._registry).replace(
            b":request_count_total", b":request_count"
        )
