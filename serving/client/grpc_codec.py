"""Calls of TensorFlow Serving's gRPC services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from serving.client.call import Call, Outputs
from serving.client.messages import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    PredictRequest,
    PredictResponse,
    SignatureDefMap,
)
from serving.client.model import ModelMetadata, ModelTarget, VersionStatus, signature_specs, version_statuses
from serving.client.tensors import to_array, to_tensor

_PREDICTIONS = "/tensorflow.serving.PredictionService"
_MODELS = "/tensorflow.serving.ModelService"
_SIGNATURES = "signature_def"


class GrpcCodec:
    """Messages, as bytes."""

    def predict(
        self,
        target: ModelTarget,
        signature: str,
        inputs: Mapping[str, npt.ArrayLike],
        outputs: Sequence[str],
    ) -> Call[Outputs]:
        """Predict."""
        request = PredictRequest(model_spec=_model_spec(target, signature), output_filter=outputs)
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(to_tensor(values))
        return Call(f"{_PREDICTIONS}/Predict", request.SerializeToString(), _read_outputs)

    def status(self, target: ModelTarget) -> Call[tuple[VersionStatus, ...]]:
        """GetModelStatus."""
        request = GetModelStatusRequest(model_spec=_model_spec(target))
        return Call(f"{_MODELS}/GetModelStatus", request.SerializeToString(), _read_status)

    def metadata(self, target: ModelTarget) -> Call[ModelMetadata]:
        """GetModelMetadata."""
        request = GetModelMetadataRequest(model_spec=_model_spec(target), metadata_field=[_SIGNATURES])
        return Call(f"{_PREDICTIONS}/GetModelMetadata", request.SerializeToString(), _read_metadata)


def _model_spec(target: ModelTarget, signature: str = "") -> Any:
    """The message that names a model."""
    spec = ModelSpec(name=target.name, signature_name=signature)
    if target.version is not None:
        spec.version.value = target.version
    if target.label is not None:
        spec.version_label = target.label
    return spec


def _read_outputs(body: bytes) -> Outputs:
    """Outputs by name, and the version that answered."""
    response = PredictResponse.FromString(body)
    spec = response.model_spec
    version = spec.version.value if spec.HasField("version") else None
    return Outputs({name: to_array(tensor) for name, tensor in response.outputs.items()}, version)


def _read_status(body: bytes) -> tuple[VersionStatus, ...]:
    """States of versions."""
    return version_statuses(GetModelStatusResponse.FromString(body))


def _read_metadata(body: bytes) -> ModelMetadata:
    """Signatures, which are a message inside the message."""
    response = GetModelMetadataResponse.FromString(body)
    signatures = SignatureDefMap.FromString(response.metadata[_SIGNATURES].value)
    spec = response.model_spec
    return ModelMetadata(spec.name, spec.version.value, signature_specs(signatures))
