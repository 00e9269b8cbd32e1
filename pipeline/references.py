"""What data are compared with, beside the version that is served."""

from __future__ import annotations

from pipeline.config.run import RunConfig
from pipeline.request_log import RequestLog
from pipeline.schema_files import curated_files


def check_references(config: RunConfig) -> None:
    """Finds a schema or a file of requests that cannot be used before anything is computed.

    Raises:
      InputError: One cannot.
    """
    curated_files(config)
    if config.validation.served_requests is not None:
        RequestLog(config.validation.served_requests).check()
