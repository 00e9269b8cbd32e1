"""The gRPC interface: PredictionService and ModelService."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server.inference import Inference
from serving.server.model_manager import ModelManager
from serving.server.observer import Observer, ignore
from serving.server.status import Code, ServingError

logger = logging.getLogger(__name__)

_PACKAGE = "tensorflow.serving"
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
    metadata = _without_deadline(inference.metadata)
    status = _without_deadline(inference.status)
    reload = _without_deadline(lambda request: _reload(manager, request))
    services: dict[str, dict[str, tuple[Any, Work]]] = {
        "PredictionService": {
            "Predict": (predict_pb2.PredictRequest, inference.predict_request),
            "Classify": (classification_pb2.ClassificationRequest, inference.classify),
            "Regress": (regression_pb2.RegressionRequest, inference.regress),
            "MultiInference": (inference_pb2.MultiInferenceRequest, inference.multi_inference),
            "GetModelMetadata": (get_model_metadata_pb2.GetModelMetadataRequest, metadata),
        },
        "ModelService": {
            "GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, status),
            "HandleReloadConfigRequest": (model_management_pb2.ReloadConfigRequest, reload),
        },
    }
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                f"{_PACKAGE}.{service}",
                {api: _handler(api, kind, work, observe) for api, (kind, work) in methods.items()},
            )
            for service, methods in services.items()
        ]
    )


def _reload(manager: ModelManager, request: Any) -> Any:
    """Replaces the whole set of models."""
    if request.config.WhichOneof("config") != "model_config_list":
        message = (
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
        raise ServingError(Code.INVALID_ARGUMENT, message)
    manager.reload(request.config)
    response = model_management_pb2.ReloadConfigResponse()
    response.status.error_code = int(Code.OK)
    return response


def _without_deadline(work: Callable[[Any], Any]) -> Work:
    return lambda request, _: work(request)


def _handler(api: str, kind: Any, work: Work, observe: Observer) -> Any:
    """What gRPC does with the calls of a method.

    The generated code would end a call whose bytes are no request as an error of the server; here it is one
    of the caller. So parsing gives `None` within a tuple, as `None` alone means such an error, of which gRPC
    would keep some 15 kB of memory for ever.
    """

    def parsed(content: bytes) -> tuple[Any]:
        try:
            return (kind.FromString(content),)
        except DecodeError:
            return (None,)

    return grpc.unary_unary_rpc_method_handler(
        lambda received, context: _answer(api, work, received[0], context, observe),
        request_deserializer=parsed,
        response_serializer=lambda response: response.SerializeToString(),
    )


def _answer(api: str, work: Work, request: Any, context: Any, observe: Observer) -> Any:
    """Does the work of a call, within the time that its caller has for it.

    Raises:
      Exception: gRPC's own, which ends the call with a status.
    """
    start = time.monotonic()
    deadline = _deadline(context, start)
    code, message, response = Code.OK, "", None
    try:
        if request is None:
            raise ServingError(Code.INVALID_ARGUMENT, "The request cannot be parsed")
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
