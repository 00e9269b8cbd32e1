"""What the two clients over gRPC share."""

from __future__ import annotations

from pathlib import Path

import grpc

from pipeline.errors import InputError
from serving.client.options import ClientOptions, Tls


def channel_options(options: ClientOptions) -> list[tuple[str, int]]:
    """Options of a channel.

    A server that was away is tried anew after a tenth of a second, where gRPC's default is a second: the
    delays between attempts are our own. Neither proxies nor gRPC's retries come between.
    """
    return [
        ("grpc.max_send_message_length", options.max_message_bytes),
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
    ]


def channel_credentials(tls: Tls | None) -> grpc.ChannelCredentials | None:
    """Credentials of an encrypted channel.

    Raises:
      InputError: A file cannot be read.
    """
    if tls is None:
        return None
    return grpc.ssl_channel_credentials(_read(tls.ca_file), _read(tls.key_file), _read(tls.cert_file))


def error_details(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Code and message of a failed call."""
    return error.code(), error.details() or "no message came"


def _read(path: Path | None) -> bytes | None:
    """A file's bytes."""
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
