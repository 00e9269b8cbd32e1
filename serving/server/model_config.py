"""Which models are served: `models.config`, checked as TensorFlow Serving checks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from serving.server.status import Code, ServingError

PLATFORM = "tensorflow"
_URI = "://"


@dataclass(frozen=True)
class ModelSource:
    """One model that is to be served.

    Attributes:
      name: By which it is asked for.
      base_path: Folder of its versions.
      policy: `ServableVersionPolicy` proto: which of them; without a choice, the newest.
      labels: Label to version.
      platform: What it is made for.
    """

    name: str
    base_path: Path
    policy: Any
    labels: Mapping[str, int] = field(default_factory=dict)
    platform: str = PLATFORM


def read_model_config(path: Path) -> Any:
    """Reads a `models.config`, a `ModelServerConfig` in protobuf's text format.

    Raises:
      InputError: It cannot be read or parsed.
    """
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    try:
        return text_format.Parse(
            path.read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig()
        )
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise InputError(f"{path} is no ModelServerConfig in text format: {error}") from error


def single_model_config(name: str, base_path: Path) -> Any:
    """The configuration of one model whose newest version is served."""
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=str(base_path), model_platform=PLATFORM)
    return config


def model_sources(config: Any) -> dict[str, ModelSource]:
    """The models of a `ModelServerConfig` proto, by name.

    Raises:
      ServingError: INVALID_ARGUMENT: a model has no name, is named twice, has a relative base path, or does
        not say what it is made for.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise _invalid("Only a model_config_list is supported")
    sources: dict[str, ModelSource] = {}
    for model in config.model_config_list.config:
        if not model.name:
            raise _invalid("Expected every model to have a name")
        if model.name in sources:
            raise _invalid(f"Illegal to list model {model.name} multiple times in config list")
        sources[model.name] = _source(model)
    return sources


def check_platforms(old: Mapping[str, ModelSource], new: Mapping[str, ModelSource]) -> None:
    """A model that stays keeps its platform.

    Raises:
      ServingError: INVALID_ARGUMENT: it does not.
    """
    for name in old.keys() & new.keys():
        before, after = old[name].platform, new[name].platform
        if before != after:
            raise _invalid(
                f"Illegal to change a model's platform. For model {name} platform was {before} and new "
                f"platform requested is {after}"
            )


def check_supported(sources: Mapping[str, ModelSource]) -> None:
    """Only TensorFlow's models can be loaded.

    Raises:
      ServingError: INVALID_ARGUMENT: there is another.
    """
    for source in sources.values():
        if source.platform != PLATFORM:
            raise _invalid(f"Model {source.name}: unknown platform {source.platform}, expected {PLATFORM}")


def _source(model: Any) -> ModelSource:
    base_path = model.base_path
    if _URI in base_path:
        raise _invalid(f"Model {model.name}: only local folders are supported; got base_path()={base_path}")
    if not Path(base_path).is_absolute():
        raise _invalid(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={base_path}"
        )
    if "\0" in base_path:  # the system's calls take no such path
        raise _invalid(f"Model {model.name}: the base path has a null character")
    return ModelSource(
        name=model.name,
        base_path=Path(base_path),
        policy=model.model_version_policy,
        labels=dict(model.version_labels),
        platform=_platform(model),
    )


def _platform(model: Any) -> str:
    from tensorflow_serving.config import model_server_config_pb2

    if model.model_platform and model.model_type:
        raise _invalid(
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            "ModelServerConfig::model_platform."
        )
    if model.model_type:
        return model_server_config_pb2.ModelType.Name(model.model_type).lower()
    if not model.model_platform:
        raise _invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform."
        )
    return str(model.model_platform)


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
