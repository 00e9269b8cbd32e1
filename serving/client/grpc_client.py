"""Over gRPC, waiting."""

from __future__ import annotations

from typing import Any

import grpc

from serving.client.call import Call
from serving.client.client import Client
from serving.client.errors import call_error
from serving.client.grpc_channel import channel_credentials, channel_options, error_details
from serving.client.grpc_codec import GrpcCodec
from serving.client.options import ClientOptions


class GrpcClient(Client):
    """Calls a model server over gRPC."""

    def __init__(self, address: str, options: ClientOptions | None = None):
        """Connects at the first call.

        Args:
          address: `host:port`.
          options: How it calls.
        """
        options = options or ClientOptions()
        super().__init__(GrpcCodec(), options)
        credentials, settings = channel_credentials(options.tls), channel_options(options)
        if credentials is None:
            self._channel = grpc.insecure_channel(address, settings)
        else:
            self._channel = grpc.secure_channel(address, credentials, settings)

    def close(self) -> None:
        """Closes the channel; calls under way end with CANCELLED."""
        self._channel.close()

    def _send(self, call: Call[Any], seconds: float) -> bytes:
        """Makes a call once."""
        try:
            answer: bytes = self._channel.unary_unary(call.path)(call.body, timeout=seconds)
        except grpc.RpcError as error:
            raise call_error(*error_details(error)) from None
        return answer
