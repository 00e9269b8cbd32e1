"""Requests whose bytes are no message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

UNDECODABLE = "The request's bytes are no message of its type"


class UndecodableInterceptor(grpc.ServerInterceptor):
    """Ends a call whose request cannot be decoded with INTERNAL, the code that gRPC has for it.

    gRPC's Python library does so as well, but logs a traceback and keeps some 15 kB of each such call for
    ever: whoever sends broken bytes could fill the server's memory.
    """

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """See gRPC."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _refusing(handler.unary_unary),
            request_deserializer=_forgiving(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


def _forgiving(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def deserialized(content: bytes) -> Any:
        try:
            return deserialize(content)
        except DecodeError as error:
            return error.with_traceback(None)  # it is handed on, and frames are large

    return deserialized


def _refusing(answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def answered(request: Any, context: Any) -> Any:
        if isinstance(request, DecodeError):
            context.abort(grpc.StatusCode.INTERNAL, UNDECODABLE)
        return answer(request, context)

    return answered
