"""The configuration of servers, made from what stands in a bundle."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

from pipeline.errors import BundleError
from serving.layout import MODELS, models_dir
from serving.tf_serving.labels import CANARY, STABLE, read_labels

_PLATFORM = "tensorflow"


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
    root = PurePath(bundle.resolve()) if mount is None else mount
    config = ModelServerConfig()
    for name in MODELS:
        model = config.model_config_list.config.add(name=name, model_platform=_PLATFORM)
        model.base_path = str(models_dir(Path(root), variant) / name)
        model.model_version_policy.specific.versions.extend(sorted(set(labelled.values())))
        for label, version in labelled.items():
            model.version_labels[label] = version
    return config


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
