"""Logs of a server: JSON, a line a record."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone

from serving.server.status import Code

ACCESS_LOGGER = "serving.access"
FIELDS = "fields"  # of a record: what its line holds in place of a message


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger and message, or its own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """See :class:`logging.Formatter`."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        line.update(getattr(record, FIELDS, None) or {"message": record.getMessage()})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        # In ASCII: where logs are read, some characters begin a line, and some turn one around.
        return json.dumps(line)


class AccessLog:
    """Logs a line a call; an observer of calls. What was asked and answered is never in it."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(ACCESS_LOGGER)

    def __call__(self, model_name: str, status: Code, seconds: float, api: str, entrypoint: str) -> None:
        """Logs a call; see :class:`serving.server.observer.Observer`."""
        fields = {
            "entrypoint": entrypoint,
            "api": api,
            "model": model_name,
            "status": status.name,
            "milliseconds": round(seconds * 1000, 3),
        }
        self._logger.info("", extra={FIELDS: fields})
