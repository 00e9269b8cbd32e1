"""TLS of both interfaces, with callers' certificates if asked for."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from serving.server.server_options import ServerOptions


def grpc_credentials(options: ServerOptions) -> Any | None:
    """gRPC's credentials for a server; `None` without TLS.

    Raises:
      InputError: A file cannot be read.
    """
    import grpc

    if options.tls_certificate is None or options.tls_key is None:
        return None
    authority = None if options.tls_client_ca is None else _read(options.tls_client_ca)
    return grpc.ssl_server_credentials(
        [(_read(options.tls_key), _read(options.tls_certificate))],
        root_certificates=authority,
        require_client_auth=authority is not None,
    )


def uvicorn_settings(options: ServerOptions) -> dict[str, Any]:
    """What uvicorn is told; nothing without TLS.

    Raises:
      InputError: The files hold no certificate and key that belong together.
    """
    if options.tls_certificate is None or options.tls_key is None:
        return {}
    settings: dict[str, Any] = {
        "ssl_certfile": str(options.tls_certificate),
        "ssl_keyfile": str(options.tls_key),
    }
    if options.tls_client_ca is not None:
        settings |= {"ssl_ca_certs": str(options.tls_client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls_certificate, options.tls_key)
        if options.tls_client_ca is not None:
            context.load_verify_locations(options.tls_client_ca)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"cannot use {options.tls_certificate} and {options.tls_key} for TLS: {error}"
        ) from error
    return settings


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
