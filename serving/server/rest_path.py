"""The paths of TensorFlow Serving's REST interface."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from tensorflow_serving.apis import model_pb2

from serving.server.status import Code, ServingError

_MODEL = r"/v1/models{}(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_FLAGS = re.IGNORECASE | re.ASCII
_PATHS = {
    "POST": re.compile(_MODEL.format("/(?P<name>[^/:]+)") + r":(?P<method>classify|regress|predict)", _FLAGS),
    "GET": re.compile(_MODEL.format("(?:/(?P<name>[^/:]+))?") + r"(?:/(?P<method>metadata))?", _FLAGS),
}
_API = re.compile("/v1/.*", _FLAGS | re.DOTALL)
_STATUS = "status"
_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True)
class RestCall:
    """What a request asks for.

    Attributes:
      method: `predict`, `classify`, `regress`, `status` or `metadata`.
      spec: The model, and its version or label if there is one; a `ModelSpec`.
    """

    method: str
    spec: Any


def is_api_path(path: str) -> bool:
    """Whether a path is within the interface, so that its errors are said in JSON."""
    return _API.fullmatch(path) is not None


def rest_call(http_method: str, path: str) -> RestCall:
    """Reads a request line.

    Args:
      http_method: Such as `POST`.
      path: As it was sent, with its query and percent signs.

    Raises:
      ServingError: There is no such thing to ask for.
    """
    pattern = _PATHS.get(http_method)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise ServingError(Code.INVALID_ARGUMENT, f"Malformed request: {http_method} {path}")
    if not match["name"]:
        raise ServingError(Code.INVALID_ARGUMENT, "Missing model name in request.")
    spec = model_pb2.ModelSpec(name=_decoded(match["name"]))
    if match["version"]:
        if len(match["version"]) > 1000 or int(match["version"]) > _MAX_INT64:
            message = f"Failed to convert version: {match['version']} to numeric."
            raise ServingError(Code.INVALID_ARGUMENT, message)
        spec.version.value = int(match["version"])
    if match["label"]:
        spec.version_label = _decoded(match["label"])
    return RestCall((match["method"] or _STATUS).lower(), spec)


def _decoded(text: str) -> str:
    """A part of a path without its percent signs; names are UTF-8, and what is not is no model's."""
    return unquote_to_bytes(text).decode("utf-8", "replace")
