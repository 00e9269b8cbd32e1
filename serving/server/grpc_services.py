"""The gRPC interface: PredictionService and ModelService."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.server.inference import Inference
from serving.server.model_manager import ModelManager
from serving.server.observer import Observer, ignore
from serving.server.status import Code, ServingError

logger = logging.getLogger(__name__)

_STATUS_CODES = {Code(code.value[0]): code for code in grpc.StatusCode}
# A message goes out in a header; clients take 8 kB of headers, and escaping can treble it.
_MAX_MESSAGE = 2000

Work = Callable[[Any, float | None], Any]


def add_services(
    server: grpc.Server, inference: Inference, manager: ModelManager, observe: Observer = ignore
) -> None:
    """Registers the services.

    Args:
      server: Not yet started.
      inference: The models.
      manager: Of these models, for new configurations.
      observe: Is told of each call.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(inference, observe), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        ModelService(inference, manager, observe), server
    )


# The names of the methods are those of the services.
class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers what is asked of the models."""

    def __init__(self, inference: Inference, observe: Observer = ignore):
        self._inference = inference
        self._observe = observe

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Named tensors through a signature."""
        return self._answer("Predict", self._inference.predict_request, request, context)

    def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Examples to labels and scores."""
        return self._answer("Classify", self._inference.classify, request, context)

    def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Examples to numbers."""
        return self._answer("Regress", self._inference.regress, request, context)

    def MultiInference(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Several signatures over the same examples."""
        return self._answer("MultiInference", self._inference.multi_inference, request, context)

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The signatures of a model."""
        work = _without_deadline(self._inference.metadata)
        return self._answer("GetModelMetadata", work, request, context)

    def _answer(self, api: str, work: Work, request: Any, context: Any) -> Any:
        return _answer(api, work, request, context, self._observe)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Tells of the models, and takes new configurations."""

    def __init__(self, inference: Inference, manager: ModelManager, observe: Observer = ignore):
        self._inference = inference
        self._manager = manager
        self._observe = observe

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The states of a model's versions."""
        work = _without_deadline(self._inference.status)
        return _answer("GetModelStatus", work, request, context, self._observe)

    def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Replaces the whole set of models."""
        work = _without_deadline(self._reload)
        return _answer("HandleReloadConfigRequest", work, request, context, self._observe)

    def _reload(self, request: Any) -> Any:
        if request.config.WhichOneof("config") != "model_config_list":
            message = (
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
            raise ServingError(Code.INVALID_ARGUMENT, message)
        self._manager.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = int(Code.OK)
        return response


def _without_deadline(work: Callable[[Any], Any]) -> Work:
    return lambda request, _: work(request)


def _answer(api: str, work: Work, request: Any, context: Any, observe: Observer) -> Any:
    """Does the work of a call, within the time that its caller has for it.

    Raises:
      Exception: gRPC's own, which ends the call with a status.
    """
    start = time.monotonic()
    deadline = _deadline(context, start)
    code, message, response = Code.OK, "", None
    try:
        if not context.is_active():  # it waited for a thread, and its caller has gone
            raise ServingError(Code.CANCELLED, "The caller has cancelled the call")
        response = work(request, deadline)
    except ServingError as error:
        code, message = error.code, error.message
    except Exception:
        logger.exception("a gRPC call failed")
        code, message = Code.INTERNAL, "The server failed; see its log"
    observe(_model_name(request), code, time.monotonic() - start, api, "GRPC")
    if code is not Code.OK:
        _abort(context, code, message)
    return response


def _deadline(context: Any, now: float) -> float | None:
    """When the caller must have the answer, of `time.monotonic()`; `None` for never."""
    remaining = context.time_remaining()
    # A call without a deadline has centuries left, which is more than a thread can wait.
    return None if remaining is None or remaining > threading.TIMEOUT_MAX else now + remaining


def _abort(context: Any, code: Code, message: str) -> NoReturn:
    context.abort(_STATUS_CODES[code], message[:_MAX_MESSAGE])
    raise AssertionError("unreachable")


def _model_name(request: Any) -> str:
    """The model that a request is for, of whichever kind it is."""
    asked = request.tasks[0] if getattr(request, "tasks", None) else request
    spec = getattr(asked, "model_spec", None)
    return spec.name if spec is not None else ""
