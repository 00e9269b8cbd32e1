"""What a server is to load, by its options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from serving.layout import Variant, serving_dir, version_dir, versions
from serving.manifest import read_manifest
from serving.server.model_config import read_model_config, single_model_config
from serving.server.server_options import ServerOptions
from serving.server.text_messages import read_metrics_path
from serving.tf_serving.config_files import MONITORING_FILE, model_server_config


def model_choice(options: ServerOptions) -> Any | Callable[[], Any]:
    """The models' configuration, or what makes it from a bundle as it is at the moment.

    Raises:
      InputError: A file cannot be read, or there is no bundle.
      BundleError: The bundle is damaged.
    """
    if options.models_config is not None:
        return read_model_config(options.models_config)
    if options.base_path is not None:
        return single_model_config(options.model_name, options.base_path.resolve())
    assert options.bundle is not None  # the options have one of the three
    bundle, variant = options.bundle, options.variant or _called_for(options.bundle)
    return lambda: model_server_config(bundle, variant)


def metrics_path(options: ServerOptions) -> str | None:
    """Where metrics are shown, by the monitoring configuration given or the bundle's; `None` for nowhere.

    Raises:
      InputError: It cannot be read.
    """
    path = options.monitoring_config
    if path is None and options.bundle is not None:
        path = serving_dir(options.bundle) / MONITORING_FILE
        path = path if path.is_file() else None
    return None if path is None else read_metrics_path(path)


def _called_for(bundle: Path) -> Variant:
    """The variant that the newest version's corpus calls for."""
    pushed = versions(bundle)
    if not pushed:
        raise InputError(f"no bundle stands in {bundle}: name the folder that versions are pushed to")
    return read_manifest(version_dir(bundle, pushed[-1])).index
