"""What looks like an exported bundle, and whether what was pushed of it is whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.layout import MODELS, VARIANTS, model_dir, models_dir, versions_dir
from serving.tf_serving.config_files import model_server_config, models_config_file


def write_export(folder: Path, digest: str, size: int = 10, variants: Sequence[str] = VARIANTS) -> Path:
    """Writes a bundle of files that are no models, each of `size` bytes or of a few."""
    for model in MODELS:
        for variant in variants:
            saved = model_dir(folder, variant, model)
            (saved / "variables").mkdir(parents=True, exist_ok=True)
            (saved / "saved_model.pb").write_text(f"{model} {digest}")
            (saved / "variables" / "variables.data").write_bytes(b"x" * size)
    (folder / "README.md").write_text(f"of {digest}")
    (folder / "manifest.json").write_text(json.dumps({"digest": digest}))
    return folder


def check_whole(bundle: Path, size: int = 10) -> None:
    """Checks that whatever a reader finds by number, link or label is whole, and labels lead somewhere."""
    for version in versions_dir(bundle).iterdir():
        if version.name.isdecimal():
            assert (version / "manifest.json").is_file()
            assert all(_is_whole(model_dir(version, v, m), size) for v in VARIANTS for m in MODELS)
    for variant in VARIANTS:
        assert all(_is_whole(link, size) for link in models_dir(bundle, variant).glob("*/*"))
        for models in (loaded(bundle, variant), written(bundle, variant)):
            assert set(models) == set(MODELS)
            for base_path, numbers in models.values():
                assert numbers
                assert all(_is_whole(Path(base_path, str(number)), size) for number in numbers)


def _is_whole(model: Path, size: int) -> bool:
    variables = model / "variables" / "variables.data"
    return (model / "saved_model.pb").is_file() and variables.stat().st_size == size


def loaded(bundle: Path, variant: str) -> dict[str, tuple[str, list[int]]]:
    """Model to base path and versions: what our server loads."""
    return _models_of(model_server_config(bundle, variant))


def written(bundle: Path, variant: str) -> dict[str, tuple[str, list[int]]]:
    """Likewise what TensorFlow Serving loads, from the file."""
    text = models_config_file(bundle, variant).read_text()
    return _models_of(text_format.Parse(text, ModelServerConfig()))


def _models_of(config: Any) -> dict[str, tuple[str, list[int]]]:
    return {
        model.name: (model.base_path, list(model.model_version_policy.specific.versions))
        for model in config.model_config_list.config
    }
