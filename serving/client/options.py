"""How a client calls."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, model_validator

from pipeline.config.base import Frozen


class RetryPolicy(Frozen):
    """When a call that found no server, or an overloaded one, is made again.

    Attributes:
      attempts: In all; 1 for no second one.
      first_delay: Seconds before the second attempt, at most: what is waited is drawn evenly between none
        and it, so that clients that failed together do not come back together.
      factor: That each next delay is longer by.
      longest_delay: Seconds that no delay is longer than.
    """

    attempts: int = Field(default=4, ge=1)
    first_delay: float = Field(default=0.05, ge=0)
    factor: float = Field(default=2.0, ge=1)
    longest_delay: float = Field(default=1.0, ge=0)

    def delays(self) -> Iterator[float]:
        """Seconds between one attempt and the next."""
        for attempt in range(self.attempts - 1):
            # Not for secrets.
            yield random.uniform(0, min(self.longest_delay, self.first_delay * self.factor**attempt))


class Tls(Frozen):
    """Encryption.

    Attributes:
      ca_file: Certificates, in PEM, that the server's is checked against; by default those of the system.
      cert_file: The client's certificate, for mutual TLS.
      key_file: Its private key.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _both(self) -> Tls:
        """A certificate is of no use without its key."""
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        return self


class ClientOptions(Frozen):
    """Options of a client.

    Attributes:
      timeout: Seconds for a call with all its retries, where it gives none of its own.
      retry: When a call is made again.
      max_message_bytes: Of a message, at most.
      tls: For gRPC, encrypts. For REST, whether to encrypt is in the URL, and this says how.
    """

    timeout: float = Field(default=5.0, gt=0)
    retry: RetryPolicy = RetryPolicy()
    max_message_bytes: int = Field(default=64 * 2**20, ge=1)
    tls: Tls | None = None
