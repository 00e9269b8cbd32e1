"""The environment variables that recstack reads, all of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

from pipeline.errors import InputError

CACHE_VARIABLE = "RECSTACK_CACHE"
PSEUDONYM_KEY_VARIABLE = "RECSTACK_PSEUDONYM_KEY"
CLUSTER_VARIABLE = "TF_CONFIG"  # TensorFlow's; Vertex AI sets it on every machine of a custom job


def cache_dir() -> Path:
    """Folder for fetched data sets and weights: `RECSTACK_CACHE`, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("recstack"))


def pseudonym_key() -> str | None:
    """The pseudonyms' key, hex or base64, as `RECSTACK_PSEUDONYM_KEY` has it; `None` if unset or empty."""
    return os.environ.get(PSEUDONYM_KEY_VARIABLE) or None


def is_chief() -> bool:
    """Whether this process speaks for all that train together, by `TF_CONFIG`; alone, it does.

    Raises:
      InputError: `TF_CONFIG` is not what TensorFlow takes.
    """
    text = os.environ.get(CLUSTER_VARIABLE)
    if not text:
        return True
    try:
        settings = json.loads(text)
        kind, index = settings["task"]["type"], int(settings["task"]["index"])
        others = settings["cluster"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{CLUSTER_VARIABLE} does not name a cluster and a task of it: {text}") from error
    return kind == "chief" or (kind == "worker" and index == 0 and "chief" not in others)
