"""How a server is to run."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from pipeline.config.base import Frozen
from serving.layout import Variant
from serving.server.manager_options import ManagerOptions


class ServerOptions(Frozen):
    """What `recstack serve` can be told. Of `bundle`, `models_config` and `base_path`, one is given.

    Attributes:
      bundle: Folder that versions are pushed to; its labelled versions are served, and moved labels followed.
      variant: Of the bundle; by default the one that the corpus' size calls for.
      models_config: `models.config` file.
      base_path: Folder of the versions of one model.
      model_name: Its name.
      host: Address to listen on.
      grpc_port: 0 for a free one.
      rest_port: 0 for a free one; `None` for no REST.
      manager: How versions are found and loaded.
      batching_parameters: `batching_parameters` file; by default each request is run by itself.
      monitoring_config: Monitoring configuration file; by default the bundle's.
      rest_timeout_seconds: A REST call takes no longer.
      max_body_bytes: Of a REST request.
      max_concurrent_calls: Calls that are answered at once, of each interface.
      max_queued_calls: Calls that may wait beside them; more are refused.
      grpc_health: Whether `grpc.health.v1` is served.
      tls_certificate: PEM file of the server's certificates; with `tls_key`, both interfaces are encrypted.
      tls_key: PEM file of its private key.
      tls_client_ca: PEM file of the authority whose certificates callers must have.
      grace_seconds: How long calls may go on once the server is told to stop.
      access_log: Whether each call is logged, a line of JSON.
    """

    bundle: Path | None = None
    variant: Variant | None = None
    models_config: Path | None = None
    base_path: Path | None = None
    model_name: str = "default"
    host: str = "127.0.0.1"
    grpc_port: int = Field(default=8500, ge=0, le=65535)
    rest_port: int | None = Field(default=8501, ge=0, le=65535)
    manager: ManagerOptions = ManagerOptions()
    batching_parameters: Path | None = None
    monitoring_config: Path | None = None
    rest_timeout_seconds: float = Field(default=30.0, gt=0)
    max_body_bytes: int = Field(default=2**28, ge=1)
    max_concurrent_calls: int = Field(default=32, ge=1)
    max_queued_calls: int = Field(default=1000, ge=0)
    grpc_health: bool = True
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    grace_seconds: float = Field(default=30.0, ge=0)
    access_log: bool = True

    @property
    def max_calls(self) -> int:
        """Calls that are taken in, running or waiting."""
        return self.max_concurrent_calls + self.max_queued_calls

    @model_validator(mode="after")
    def _one_source(self) -> ServerOptions:
        if sum(source is not None for source in (self.bundle, self.models_config, self.base_path)) != 1:
            raise ValueError("say what to serve: one of a bundle, a models.config and a model's base path")
        if self.variant is not None and self.bundle is None:
            raise ValueError("a variant is a bundle's: name the bundle")
        return self

    @model_validator(mode="after")
    def _whole_tls(self) -> ServerOptions:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("TLS needs both a certificate and its key")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError(
                "callers' certificates can only be checked over TLS: name a certificate and its key"
            )
        return self
