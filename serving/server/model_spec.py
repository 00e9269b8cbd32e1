"""Which model, version and signature a request is for."""

from __future__ import annotations

from typing import Any

from tensorflow_serving.apis import model_pb2

from serving.server.servable import Servable
from serving.server.status import Code, ServingError

DEFAULT_SIGNATURE = "serving_default"


def signature_name_of(spec: Any) -> str:
    """The signature that a `ModelSpec` names, `serving_default` if it names none."""
    return spec.signature_name or DEFAULT_SIGNATURE


def checked_spec(request: Any) -> Any:
    """The `ModelSpec` of a request.

    Raises:
      ServingError: It has none.
    """
    if not request.HasField("model_spec"):
        raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
    return request.model_spec


def version_choice(spec: Any) -> tuple[int | None, str | None]:
    """The version and the label of a `ModelSpec`; `None` for what it does not name, at most one is there."""
    choice = spec.WhichOneof("version_choice")
    version = spec.version.value if choice == "version" else None
    return version, spec.version_label if choice == "version_label" else None


def answered_spec(servable: Servable, signature_name: str | None = None) -> Any:
    """The `ModelSpec` of an answer: what was asked, with the version that answered."""
    spec = model_pb2.ModelSpec(name=servable.name, signature_name=signature_name or "")
    spec.version.value = servable.version
    return spec
