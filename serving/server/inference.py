"""What can be asked of the models that are loaded, whatever the transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from serving.server.classification import classify
from serving.server.model_manager import ModelManager
from serving.server.model_spec import answered_spec, checked_spec, signature_name_of, version_choice
from serving.server.multi_inference import multi_inference
from serving.server.predict import predict, predict_response
from serving.server.regression import regress
from serving.server.servable import Servable
from serving.server.status import Code, ServingError

SIGNATURE_DEF = "signature_def"


class Inference:
    """Answers requests; every method may be called by many threads, and raises `ServingError`."""

    def __init__(self, manager: ModelManager):
        self._manager = manager

    def lease(self, spec: Any) -> AbstractContextManager[Servable]:
        """Holds the version of a model that a `ModelSpec` asks for, so that it is not unloaded meanwhile.

        Raises:
          ServingError: The spec has no name, or there is no such version.
        """
        if not spec.name:
            raise ServingError(Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        version, label = version_choice(spec)
        return self._manager.lease(spec.name, version, label)

    def predict(
        self,
        spec: Any,
        inputs: Mapping[str, np.ndarray],
        output_filter: Sequence[str] = (),
        deadline: float | None = None,
    ) -> tuple[Any, dict[str, np.ndarray]]:
        """Runs a signature, as :func:`serving.server.predict.predict`.

        Returns:
          The `ModelSpec` with the version that answered, and alias to array.
        """
        name = signature_name_of(spec)
        with self.lease(spec) as servable:
            outputs = predict(servable, name, inputs, output_filter, deadline)
            return answered_spec(servable, name), outputs

    def predict_request(self, request: Any, deadline: float | None = None) -> Any:
        """Answers a `PredictRequest` with a `PredictResponse`."""
        with self.lease(checked_spec(request)) as servable:
            return predict_response(servable, request, deadline)

    def classify(self, request: Any, deadline: float | None = None) -> Any:
        """Answers a `ClassificationRequest` with a `ClassificationResponse`."""
        with self.lease(checked_spec(request)) as servable:
            return classify(servable, request, deadline)

    def regress(self, request: Any, deadline: float | None = None) -> Any:
        """Answers a `RegressionRequest` with a `RegressionResponse`."""
        with self.lease(checked_spec(request)) as servable:
            return regress(servable, request, deadline)

    def multi_inference(self, request: Any, deadline: float | None = None) -> Any:
        """Answers a `MultiInferenceRequest` with a `MultiInferenceResponse`."""
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        with self.lease(spec) as servable:
            return multi_inference(servable, request, deadline)

    def metadata(self, request: Any) -> Any:
        """Answers a `GetModelMetadataRequest`; `signature_def` is the one field there is."""
        spec = checked_spec(request)
        if not request.metadata_field:
            message = "GetModelMetadataRequest must specify at least one metadata_field"
            raise ServingError(Code.INVALID_ARGUMENT, message)
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise ServingError(Code.INVALID_ARGUMENT, f"Metadata field {field} is not supported")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self.lease(spec) as servable:
            response.model_spec.CopyFrom(answered_spec(servable))
            for name, definition in servable.signature_defs.items():
                signatures.signature_def[name].CopyFrom(definition)
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response

    def status(self, request: Any) -> Any:
        """Answers a `GetModelStatusRequest`; without a version, with the states of all versions."""
        spec = checked_spec(request)
        version, label = version_choice(spec)
        states = self._manager.states(spec.name, version, label)
        if not states:
            message = f"Could not find any versions of model {spec.name}"
            if version is not None:
                message = f"Could not find version {version} of model {spec.name}"
            raise ServingError(Code.NOT_FOUND, message)
        response = get_model_status_pb2.GetModelStatusResponse()
        for state in states:
            added = response.model_version_status.add(version=state.version, state=state.state)
            added.status.error_code = int(state.code)
            added.status.error_message = state.message
        return response
