"""`recstack gateway`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline.config.gateway import EventLogConfig, GatewayConfig
from pipeline.config.run import RunConfig, explained
from pipeline.console import out
from pipeline.datasets.feedback_meaning import Meaning, meaning_of
from pipeline.datasets.registry import open_adapter
from pipeline.errors import InputError
from pipeline.privacy.policy import stored_key

if TYPE_CHECKING:
    from gateway.events.event_log import EventLog


def run_gateway(config: RunConfig, changes: dict[str, Any]) -> None:
    """Answers until it is told to stop by SIGTERM or SIGINT.

    Args:
      config: Of the run whose bundle is served.
      changes: Take the place of settings of its section `gateway`.

    Raises:
      InputError: The settings do not go together, or a file or the port cannot be used.
    """
    from gateway.app import gateway_app
    from gateway.gateway import Gateway, open_gateway
    from gateway.http_server import serve_http
    from gateway.keys import CallerKeys
    from gateway.metrics import GatewayMetrics
    from pipeline.commands.run_facts import run_facts

    try:
        settings = GatewayConfig.model_validate({**config.gateway.model_dump(), **changes})
    except ValidationError as error:
        raise InputError(f"gateway:\n{explained(error)}") from error
    keys = CallerKeys(settings.keys_file) if settings.keys_file is not None else None
    key = stored_key(config)
    pseudonym = key.pseudonym if key is not None else str
    log = _event_log(config, settings.events, key.fingerprint if key is not None else None)
    meaning = event_meaning(config)

    def opened(metrics: GatewayMetrics) -> AbstractAsyncContextManager[Gateway]:
        return open_gateway(settings, meaning, config.events_dir, log, pseudonym, metrics)

    counting = [kind for kind, entry in meaning.items() if not entry.exposure]
    facts = partial(run_facts, config, counting, shows_users=key is None)
    log_lines()
    serve_http(
        gateway_app(settings, opened, keys, facts),
        settings.host,
        settings.port,
        lambda address: out.print(f"gateway: http://{address}, models of {settings.server}"),
    )


def _event_log(config: RunConfig, settings: EventLogConfig, key: str | None) -> EventLog:
    """Where events are kept.

    Args:
      config: Of the run.
      settings: Of the log.
      key: Fingerprint of the key of the pseudonyms; `None` for raw ids.
    """
    if settings.servers is not None:
        from gateway.events.kafka_log import KafkaEventLog

        return KafkaEventLog(
            settings.servers, settings.events_topic, settings.served_topic, settings=settings.settings
        )
    from gateway.events.sqlite_log import SqliteEventLog

    return SqliteEventLog(config.event_log_dir, key, config.privacy.retention_days)


def event_meaning(config: RunConfig) -> Meaning:
    """What kinds of events are in the terms of the models' data."""
    kinds = config.feedback.kinds if config.feedback is not None else None
    return meaning_of(kinds, open_adapter(config.data).layout())


def make_key(file: Path, name: str, scopes: Sequence[str]) -> None:
    """Makes a caller's key, and shows it.

    Raises:
      InputError: The name is none, or taken; or the file cannot be used.
    """
    from gateway.keys import Scope, add_key

    key = add_key(file, name, [Scope(scope) for scope in scopes])
    out.print(f"{key}\n[dim]shown once; {file} holds its hash[/dim]")


def log_lines() -> None:
    """Logs as JSON, on stderr, a line a record."""
    from gateway.guard import ACCESS_LOGGER
    from serving.server.json_logs import JsonFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger(ACCESS_LOGGER).setLevel(logging.INFO)
