"""The environment variables that recstack reads, all of them."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from pipeline.config.cluster import Cluster

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


def cluster() -> Cluster | None:
    """The machines of a training, and which of them this is, as `TF_CONFIG` has it; `None` if unset or empty.

    Raises:
      InputError: It is no such description.
    """
    named = os.environ.get(CLUSTER_VARIABLE)
    return Cluster.parse(named, CLUSTER_VARIABLE) if named else None


def is_chief() -> bool:
    """Whether this process speaks for all that train together; alone, it does.

    Raises:
      InputError: `TF_CONFIG` is no description of machines.
    """
    described = cluster()
    return described is None or described.is_chief
