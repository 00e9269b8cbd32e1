"""What a call to a model server can end with."""

from __future__ import annotations

import grpc

from pipeline.errors import RecstackError

# Codes after which the same call may succeed: the server was not there, or had too much to do.
RETRIABLE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})


class ServingCallError(RecstackError):
    """A call failed.

    Attributes:
      code: What with; REST's statuses are mapped to it.
      message: Of the server, or of what did not reach it.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message

    @property
    def retriable(self) -> bool:
        """Whether the same call may succeed later; a message that is too large stays so."""
        return self.code in RETRIABLE and "larger than max" not in self.message


class BadRequestError(ServingCallError):
    """The request cannot be answered as it is, at no time."""


class NotServedError(ServingCallError):
    """The server has no such model or version."""


class DeadlineError(ServingCallError):
    """The time for the call was up."""


class UnavailableError(ServingCallError):
    """The server was not reached, is not ready, or is overloaded; retries did not help."""


_CLASSES: dict[grpc.StatusCode, type[ServingCallError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: BadRequestError,
    grpc.StatusCode.FAILED_PRECONDITION: BadRequestError,
    grpc.StatusCode.OUT_OF_RANGE: BadRequestError,
    grpc.StatusCode.UNIMPLEMENTED: BadRequestError,
    grpc.StatusCode.NOT_FOUND: NotServedError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: UnavailableError,
}
_HTTP = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    501: grpc.StatusCode.UNIMPLEMENTED,
    502: grpc.StatusCode.UNAVAILABLE,  # of a proxy between
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


def call_error(code: grpc.StatusCode, message: str) -> ServingCallError:
    """The error of a code."""
    return _CLASSES.get(code, ServingCallError)(code, message)


def http_error(status: int, message: str) -> ServingCallError:
    """The error of an HTTP status other than 200."""
    return call_error(_HTTP.get(status, grpc.StatusCode.UNKNOWN), message)
