"""Who is asked: Vertex AI, or nobody while one looks at what would be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as LateError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.errors import InputError, StackError

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1

_CREDENTIALS = (
    "no credentials of Google Cloud were found: run `gcloud auth application-default login`, or let "
    "GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account"
)
# The method of each message, by the service that has it.
_MODEL_METHODS = {"UploadModelRequest": "upload_model"}
_ENDPOINT_METHODS = {
    "CreateEndpointRequest": "create_endpoint",
    "DeployModelRequest": "deploy_model",
    "UndeployModelRequest": "undeploy_model",
    "UpdateEndpointRequest": "update_endpoint",
}


class Service(Protocol):
    """What the steps of a deployment need."""

    def has_model(self, name: str) -> bool:
        """Whether there is a model of this resource name."""

    def endpoint(self, name: str) -> aiplatform_v1.Endpoint | None:
        """The endpoint of this resource name; `None` if there is none."""

    def send(self, request: Any) -> None:
        """Sends one of the messages of :mod:`serving.vertex.requests`, and waits until it is done."""


class VertexService:
    """Vertex AI itself."""

    def __init__(
        self,
        models: aiplatform_v1.ModelServiceClient,
        endpoints: aiplatform_v1.EndpointServiceClient,
        timeout: float,
    ):
        """Sends nothing yet.

        Args:
          models: Client of the region's models.
          endpoints: Client of its endpoints.
          timeout: Seconds that a request may take until it is done.
        """
        self._models = models
        self._endpoints = endpoints
        self._timeout = timeout

    @classmethod
    def connect(cls, region: str, timeout: float) -> VertexService:
        """Clients of a region, with the credentials that Google's library finds.

        Raises:
          InputError: It finds none.
        """
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import aiplatform_v1

        options = {"api_endpoint": f"{region}-aiplatform.googleapis.com"}
        try:
            models = aiplatform_v1.ModelServiceClient(client_options=options)
            endpoints = aiplatform_v1.EndpointServiceClient(client_options=options)
        except DefaultCredentialsError as error:
            raise InputError(_CREDENTIALS) from error
        return cls(models, endpoints, timeout)

    def has_model(self, name: str) -> bool:
        """See :class:`Service`."""
        return _unless_missing(lambda: self._models.get_model(name=name)) is not None

    def endpoint(self, name: str) -> aiplatform_v1.Endpoint | None:
        """See :class:`Service`."""
        return _unless_missing(lambda: self._endpoints.get_endpoint(name=name))

    def send(self, request: Any) -> None:
        """See :class:`Service`.

        Raises:
          InputError: Vertex AI refuses it.
          StackError: It is not done in time, or failed on Vertex AI's side.
        """
        kind = type(request).__name__
        client = self._models if kind in _MODEL_METHODS else self._endpoints
        method = getattr(client, {**_MODEL_METHODS, **_ENDPOINT_METHODS}[kind])
        with _faults_told():
            answer = method(request=request)
            if hasattr(answer, "result"):  # an operation that takes its time; others are answered at once
                answer.result(timeout=self._timeout)


class DryRun:
    """Nobody: what would be sent is shown, as to a project that has neither the model nor the endpoint."""

    def __init__(self, show: Callable[[dict[str, Any]], None]):
        """Shows nothing yet.

        Args:
          show: Gets each message: its `method`, and the `request` as JSON has it.
        """
        self._show = show

    def has_model(self, name: str) -> bool:
        """See :class:`Service`."""
        return False

    def endpoint(self, name: str) -> None:
        """See :class:`Service`."""
        return None

    def send(self, request: Any) -> None:
        """See :class:`Service`."""
        from google.protobuf.json_format import MessageToDict

        kind = type(request).__name__
        service = "ModelService" if kind in _MODEL_METHODS else "EndpointService"
        method = f"google.cloud.aiplatform.v1.{service}/{kind.removesuffix('Request')}"
        self._show({"method": method, "request": MessageToDict(type(request).pb(request))})


def _unless_missing(ask: Callable[[], Any]) -> Any:
    """An answer; `None` if there is no such thing."""
    from google.api_core.exceptions import NotFound

    with _faults_told():
        try:
            return ask()
        except NotFound:
            return None


@contextmanager
def _faults_told() -> Iterator[None]:
    """Turns the library's faults into messages for people."""
    from google.api_core.exceptions import ClientError, GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except ClientError as error:
        raise InputError(f"Vertex AI refuses: {error.message}") from error
    except GoogleAuthError as error:
        raise InputError(f"the credentials of Google Cloud do not work: {error}") from error
    except LateError as error:
        raise StackError(
            "Vertex AI is not done in the time of endpoint.timeout_minutes; it goes on, and "
            "`recstack endpoint show` says how far it is"
        ) from error
    except GoogleAPIError as error:
        raise StackError(f"Vertex AI failed, try again: {error}") from error
