"""The description that stands in a bundle: what it is, how to serve it and how to ask it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from schemas.features import HISTORY_ITEM_IDS
from serving.example_inputs import example_inputs
from serving.layout import EXACT, MODELS, README_FILE, RECOMMENDER, model_dir
from serving.saved_signatures import saved_signatures

SHOWN_SIGNATURE = "for_histories"

_TEMPLATES = Path(__file__).parent / "templates"
_TEMPLATE = "bundle_readme.md.j2"
_HISTORY = 3


def write_readme(
    folder: Path, name: str, tasks: Sequence[str], variants: Sequence[str], items: Mapping[str, str]
) -> None:
    """Writes `README.md` into the folder of a version whose models are all saved.

    Args:
      folder: The version's.
      name: The pipeline's.
      tasks: Names of the ranking tasks.
      variants: Those that there are.
      items: Some ids of the corpus and their titles; the first ones are the example's history.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    signatures = {model: saved_signatures(model_dir(folder, EXACT, model)) for model in MODELS}
    history = list(items)[:_HISTORY]
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template(_TEMPLATE).render(
        name=name,
        tasks=tasks,
        variants=variants,
        titles=_inline(", ".join(items[item_id] or item_id for item_id in history)),
        history=json.dumps(history),
        body=_body(signatures[RECOMMENDER][SHOWN_SIGNATURE], history),
        signatures=[_row(model, *entry) for model in MODELS for entry in signatures[model].items()],
    )
    (folder / README_FILE).write_text(text + "\n", encoding="utf-8")


def figures_section(metrics: Mapping[str, float], judged_version: int | None = None) -> str:
    """The figures of a version as a section; empty without any.

    Args:
      metrics: The figures.
      judged_version: Whose they are, if the version itself was not judged: items were added to that one.
    """
    if not metrics:
        return ""
    of = (
        "the version"
        if judged_version is None
        else f"version {judged_version}, to which items were added since,"
    )
    rows = "".join(f"| {metric} | {value:.4f} |\n" for metric, value in sorted(metrics.items()))
    return f"\n## Figures\nBy which {of} was judged:\n\n| metric | value |\n|---|---|\n{rows}"


def _body(signature: Any, history: Sequence[str]) -> str:
    """The JSON of a request with all inputs, fit for a shell's single quotes."""
    inputs = {name: _plain(values) for name, values in example_inputs(signature, history, batch=1).items()}
    ordered = {HISTORY_ITEM_IDS: inputs.pop(HISTORY_ITEM_IDS), **inputs}
    content = {"signature_name": SHOWN_SIGNATURE, "inputs": ordered}
    return json.dumps(content).replace("'", "\\u0027")


def _plain(values: np.ndarray) -> Any:
    """An array as JSON has it."""
    return json.loads(json.dumps(values.tolist(), default=bytes.decode))


def _row(model: str, name: str, signature: Any) -> dict[str, str]:
    """A row of the table of signatures."""
    return {
        "model": model,
        "signature": name,
        "inputs": ", ".join(
            _described(name, info, signature.defaults) for name, info in sorted(signature.inputs.items())
        ),
        "outputs": ", ".join(_described(name, info, {}) for name, info in sorted(signature.outputs.items())),
    }


def _described(name: str, info: Any, defaults: Mapping[str, Any]) -> str:
    """`k` int32 [?] = 10."""
    import tensorflow as tf

    sizes = ["?" if dim.size < 0 else str(dim.size) for dim in info.tensor_shape.dim]
    shape = "..." if info.tensor_shape.unknown_rank else ", ".join(sizes)
    text = f"`{name}` {tf.dtypes.as_dtype(info.dtype).name} [{shape}]"
    if name not in defaults:
        return text
    values = tf.make_ndarray(defaults[name])
    return f"{text} = {'none' if not values.size else values.flat[0]}"


def _inline(text: str) -> str:
    """A text that means nothing else in Markdown."""
    return "".join(f"\\{mark}" if mark in r"\`*_[]<>|#" else mark for mark in text.replace("\n", " "))
