"""Configuration of the gateway that people's requests and events go through."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from pipeline.config.base import Frozen

WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]\S*$")]


class SessionsConfig(Frozen):
    """Where a user's newest events are kept, which count in their next request.

    Attributes:
      kind: `memory`, of this process alone, or `redis`, of all gateways that share it.
      redis_url: `redis://...` or `rediss://...`; of `redis` alone.
      max_events: Of a user; older ones are dropped.
      max_users: Whose events are kept in memory; those longest not seen are dropped first.
      ttl_hours: After its last event a user's session ends. The next version of the bundle should have
        learnt the events by then.
    """

    kind: Literal["memory", "redis"] = "memory"
    redis_url: str | None = Field(default=None, pattern=r"^rediss?://.")
    max_events: int = Field(default=50, ge=1, le=1000)
    max_users: int = Field(default=100_000, ge=1)
    ttl_hours: float = Field(default=48.0, gt=0)

    @model_validator(mode="after")
    def _redis_has_an_address(self) -> SessionsConfig:
        if (self.kind == "redis") != (self.redis_url is not None):
            raise ValueError("redis_url goes with kind: redis")
        return self


class EventLogConfig(Frozen):
    """Where events are kept.

    Attributes:
      kind: `sqlite`, in the run's folder, or `kafka`.
      servers: Kafka's `bootstrap.servers`; of `kafka` alone, as is what follows.
      events_topic: Gets the events.
      served_topic: Gets the lists.
      settings: More of librdkafka's, such as `security.protocol`. Secrets belong into a file that
        `ssl.key.location` and the like name.
    """

    kind: Literal["sqlite", "kafka"] = "sqlite"
    servers: str | None = Field(default=None, min_length=1)
    events_topic: str = "recstack.events"
    served_topic: str = "recstack.served"
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _kafka_has_servers(self) -> EventLogConfig:
        if (self.kind == "kafka") != (self.servers is not None):
            raise ValueError("servers goes with kind: kafka")
        return self


class CacheConfig(Frozen):
    """Lists that are given again while nothing has happened.

    Attributes:
      ttl_seconds: How long; 0 for never.
      max_lists: At most; those longest not asked for are dropped first.
    """

    ttl_seconds: float = Field(default=60.0, ge=0)
    max_lists: int = Field(default=20_000, ge=1)


class LimitsConfig(Frozen):
    """What a caller may ask.

    Attributes:
      requests_per_second: Of one key, or of one address where there are no keys, over ten seconds.
      max_body_bytes: Of a request.
      body_seconds: In which it must have come in, so that nobody takes a place among `max_calls` by sending
        slowly.
      max_events: Of one batch of events.
      max_calls: Requests that are answered at the same time; more are refused with 503.
    """

    requests_per_second: float = Field(default=100.0, gt=0)
    max_body_bytes: int = Field(default=2**20, ge=1024)
    body_seconds: float = Field(default=10.0, gt=0)
    max_events: int = Field(default=1000, ge=1)
    max_calls: int = Field(default=256, ge=1)


class ExperimentConfig(Frozen):
    """Two versions side by side: users of the canary's share are answered by the label `canary`.

    Attributes:
      name: Of the experiment, 1 to 64 of `A-Za-z0-9._-`; another name parts the users anew.
      canary_share: Of the users, above 0 and below 1.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    canary_share: float = Field(gt=0, lt=1)


class GatewayConfig(Frozen):
    """The gateway.

    Attributes:
      host: Address to listen on. Without `keys_file` it must be one of this machine alone.
      port: 0 for a free one.
      server: `host:port` of the model server's gRPC interface.
      label: Of the version that is asked, `stable` or `canary`; by default the newest. TensorFlow Serving
        knows labels if it was started with the bundle's `models.config`. In an experiment it is for lists
        that are for nobody in particular.
      experiment: Who is answered by which label; by default nobody is told apart.
      deadline_ms: How long a list may take, from when the request came in; what is not there by then is
        replaced by the popular list.
      exploration: Temperature of the noise on lists for users, so that what was not shown gets a chance and
        logs can tell how another version would have done; 0 for none.
      popular_minutes: How old the popular list may grow.
      keys_file: File of the keys that callers must have; see `recstack gateway key`.
      allowed_hosts: Names by which callers may ask, beside `host` and those of this machine.
      ratings: Values that the page offers for rating, the lowest first.
      scenarios: Name to address of other gateways, of other runs, that the page leads to.
      cors_origins: Origins whose pages may ask; by default none but the gateway's own.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    server: str = Field(default="127.0.0.1:8500", pattern=r"^\S+:\d+$")
    label: Literal["stable", "canary"] | None = None
    experiment: ExperimentConfig | None = None
    deadline_ms: float = Field(default=250.0, gt=0)
    exploration: float = Field(default=0.0, ge=0)
    popular_minutes: float = Field(default=10.0, gt=0)
    keys_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    events: EventLogConfig = EventLogConfig()
    ratings: tuple[float, ...] = (1, 2, 3, 4, 5)
    scenarios: dict[str, WebAddress] = Field(default_factory=dict)
    sessions: SessionsConfig = SessionsConfig()
    cache: CacheConfig = CacheConfig()
    limits: LimitsConfig = LimitsConfig()

    @model_validator(mode="after")
    def _open_to_this_machine_alone(self) -> GatewayConfig:
        if self.keys_file is None and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from elsewhere: name a keys_file; `recstack gateway key` "
                "makes one"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether an address is reached from its own machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
