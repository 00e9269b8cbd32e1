"""`recstack serve`: its options."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load


class Variant(str, Enum):
    """Which index of a bundle is served."""

    EXACT = "exact"
    SCANN = "scann"


def serve(
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="The folder that versions are pushed to; by default --config's."),
    ] = None,
    variant: Annotated[
        Variant | None,
        typer.Option("--variant", help="The bundle's index; by default what the corpus' size calls for."),
    ] = None,
    models_config: Annotated[
        Path | None, typer.Option("--models-config", help="Serve what a models.config says.")
    ] = None,
    base_path: Annotated[
        Path | None, typer.Option("--base-path", help="Serve one model: the folder of its versions.")
    ] = None,
    model_name: Annotated[str, typer.Option("--model-name", help="The name of --base-path.")] = "default",
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    grpc_port: Annotated[int, typer.Option("--grpc-port", help="0 for a free one.")] = 8500,
    rest_port: Annotated[int, typer.Option("--rest-port", help="0 for a free one.")] = 8501,
    batching: Annotated[
        Path | None, typer.Option("--batching", help="Put requests together by a batching_parameters file.")
    ] = None,
    monitoring: Annotated[
        Path | None, typer.Option("--monitoring", help="Monitoring configuration; by default the bundle's.")
    ] = None,
    poll: Annotated[
        float, typer.Option("--poll", min=0, help="Seconds between two looks for new versions; 0 for never.")
    ] = 1.0,
    retries: Annotated[
        int, typer.Option("--load-retries", min=0, help="Of a version that cannot be loaded.")
    ] = 5,
    retry_seconds: Annotated[
        float, typer.Option("--load-retry-seconds", min=0, help="Between two tries.")
    ] = 60.0,
    calls: Annotated[int, typer.Option("--calls", min=1, help="Calls answered at once.")] = 32,
    queue: Annotated[
        int, typer.Option("--queue", min=0, help="Calls that may wait; more are refused.")
    ] = 1000,
    timeout: Annotated[float, typer.Option("--rest-timeout", help="Seconds of a REST call.")] = 30.0,
    certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", help="PEM file; with --tls-key.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="PEM file.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option("--tls-client-ca", help="PEM file: callers need a certificate of it.")
    ] = None,
    health: Annotated[bool, typer.Option("--grpc-health/--no-grpc-health", help="grpc.health.v1.")] = True,
    access_log: Annotated[
        bool, typer.Option("--access-log/--no-access-log", help="A line of JSON a call, on stderr.")
    ] = True,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Serve models over TensorFlow Serving's gRPC and REST, for development, tests and small loads.

    New versions and moved labels take effect by themselves. SIGTERM or Ctrl-C lets running calls end.

    recstack serve --bundle runs/mine/bundle
    """
    if bundle is None and models_config is None and base_path is None:
        bundle = load(config).bundle_dir
    from pipeline.commands.serve import serve as serve_models

    serve_models(
        {
            "bundle": bundle,
            "variant": variant.value if variant is not None else None,
            "models_config": models_config,
            "base_path": base_path,
            "model_name": model_name,
            "host": host,
            "grpc_port": grpc_port,
            "rest_port": rest_port,
            "manager": {
                "file_system_poll_wait_seconds": poll,
                "max_num_load_retries": retries,
                "load_retry_interval_seconds": retry_seconds,
            },
            "batching_parameters": batching,
            "monitoring_config": monitoring,
            "rest_timeout_seconds": timeout,
            "max_concurrent_calls": calls,
            "max_queued_calls": queue,
            "grpc_health": health,
            "tls_certificate": certificate,
            "tls_key": key,
            "tls_client_ca": client_ca,
            "access_log": access_log,
        }
    )
