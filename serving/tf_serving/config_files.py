"""The configuration of servers, made from what stands in a bundle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path, PurePath
from time import sleep
from typing import Any

from pydantic import ValidationError

from pipeline.config.serving import BatchingConfig, ServingConfig
from pipeline.errors import BundleError
from pipeline.files import replaced
from pipeline.progress import PROGRESS_LOGGER
from serving.layout import MODELS, VARIANTS, models_dir, serving_dir
from serving.tf_serving.labels import CANARY, STABLE, read_labels

BATCHING_FILE = "batching_parameters.txt"
MONITORING_FILE = "monitoring.config"

_LOGGER = logging.getLogger(PROGRESS_LOGGER)
_SETTINGS_FILE = "settings.json"
_PLATFORM = "tensorflow"
_LOOKS = 2  # of a server at a file, in which it surely sees it


def models_config_file(bundle: Path, variant: str) -> Path:
    """The file that tells TensorFlow Serving of a variant's models."""
    return serving_dir(bundle) / f"{variant}.models.config"


def model_server_config(bundle: Path, variant: str, mount: PurePath | None = None) -> Any:
    """What a server is to load: three models, of each the labelled versions.

    A label whose version has no such variant, or is gone, is left out.

    Args:
      bundle: The folder that versions are pushed to.
      variant: `exact` or `scann`.
      mount: Where the server finds that folder; by default where it is.

    Returns:
      A `tensorflow_serving.config.model_server_config_pb2.ModelServerConfig`.

    Raises:
      BundleError: No labelled version has the variant.
    """
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    labelled = _labelled(bundle, variant)
    if not labelled:
        raise BundleError(f"no labelled version in {bundle} has the variant {variant}; push one that has it")
    root = Path(bundle.resolve() if mount is None else mount)
    config = ModelServerConfig()
    for name in MODELS:
        model = config.model_config_list.config.add(name=name, model_platform=_PLATFORM)
        model.base_path = str(models_dir(root, variant) / name)
        model.model_version_policy.specific.versions.extend(sorted(set(labelled.values())))
        for label, version in labelled.items():
            model.version_labels[label] = version
    return config


def write_settings(bundle: Path, settings: ServingConfig) -> None:
    """Writes how a bundle is to be served, and the files that depend on nothing else.

    Each file appears by one rename.

    Raises:
      OSError: A file cannot be written.
    """
    folder = serving_dir(bundle)
    _write(folder / _SETTINGS_FILE, settings.model_dump_json(indent=2) + "\n")
    _write(folder / BATCHING_FILE, _batching_text(settings.batching))
    _write(folder / MONITORING_FILE, _monitoring_text(settings.metrics_path))


def write_models_configs(bundle: Path) -> None:
    """Writes what TensorFlow Serving is to load of each variant, by the labels as they are.

    TensorFlow Serving that runs refuses a configuration in which a label moves to a version that it has not
    loaded, and loads nothing of it. If servers look at the files from time to time (`reload_seconds`), such a
    move takes two steps, far enough apart that each of them sees the first: versions are added to what the
    file says, then the file is as it shall be.

    Each file appears by one rename; that of a variant which no labelled version has goes.

    Raises:
      BundleError: The labels or the settings are damaged.
      OSError: A file cannot be written.
    """
    settings = _read_settings(bundle)
    mount = None if settings.mount is None else PurePath(settings.mount)
    configs = {
        models_config_file(bundle, variant): model_server_config(bundle, variant, mount)
        for variant in VARIANTS
        if _labelled(bundle, variant)
    }
    if settings.reload_seconds is not None:
        steps = {path: _with_versions_added(path, config) for path, config in configs.items()}
        _write_configs({path: step for path, step in steps.items() if step is not None})
        if any(step is not None for step in steps.values()):
            seconds = _LOOKS * settings.reload_seconds
            _LOGGER.info("servers are told of the version; its label follows in %g s", seconds)
            sleep(seconds)
    _write_configs(configs)
    for variant in VARIANTS:
        if models_config_file(bundle, variant) not in configs:
            models_config_file(bundle, variant).unlink(missing_ok=True)


def _with_versions_added(path: Path, config: Any) -> Any:
    """What a file says, and the versions that it lacks of a configuration; `None` if it lacks none."""
    from google.protobuf import text_format

    try:
        written = text_format.Parse(path.read_text(encoding="utf-8"), type(config)())
    except (OSError, UnicodeDecodeError, text_format.ParseError):
        return None  # no server has read it
    missing = _versions(config) - _versions(written)
    for model in written.model_config_list.config:
        model.model_version_policy.specific.versions.extend(sorted(missing))
    return written if missing else None


def _versions(config: Any) -> set[int]:
    """The versions that models are to be loaded of."""
    models = config.model_config_list.config
    return {version for model in models for version in model.model_version_policy.specific.versions}


def _write_configs(configs: Mapping[Path, Any]) -> None:
    from google.protobuf import text_format

    for path, config in configs.items():
        _write(path, text_format.MessageToString(config))


def _labelled(bundle: Path, variant: str) -> dict[str, int]:
    """Label to version, of those that servers find all models of."""
    labels = read_labels(bundle)
    if labels is None:
        return {}
    models = models_dir(bundle, variant)
    return {
        label: version
        for label, version in ((STABLE, labels.stable), (CANARY, labels.canary))
        if all((models / model / str(version)).is_dir() for model in MODELS)
    }


def _read_settings(bundle: Path) -> ServingConfig:
    path = serving_dir(bundle) / _SETTINGS_FILE
    try:
        return ServingConfig.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise BundleError(f"{path} cannot be read: push the bundle again with `recstack run`") from error


def _batching_text(batching: BatchingConfig) -> str:
    """A `BatchingParameters` in text form."""
    lines = [
        f"{name} {{ value: {getattr(batching, name)} }}"
        for name in ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    ]
    lines += [f"allowed_batch_sizes: {size}" for size in batching.allowed_batch_sizes]
    lines.append(f"pad_variable_length_inputs: {str(batching.pad_variable_length_inputs).lower()}")
    return "\n".join(lines) + "\n"


def _monitoring_text(metrics_path: str | None) -> str:
    """A `MonitoringConfig` in text form."""
    if metrics_path is None:
        return "prometheus_config { enable: false }\n"
    return f'prometheus_config {{ enable: true path: "{metrics_path}" }}\n'


def _write(path: Path, text: str) -> None:
    with replaced(path) as file:
        file.write(text.encode())
