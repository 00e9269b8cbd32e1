"""What stands in the folders of models."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from serving.server.model_config import ModelSource
from serving.server.version_policy import aspired_versions, versions_in

logger = logging.getLogger(__name__)


class ModelFolders:
    """Looks for versions, and warns once of a folder that is missing."""

    def __init__(self) -> None:
        self._missing: set[str] = set()

    def wanted(self, source: ModelSource) -> Mapping[int, Path] | None:
        """The versions that a model's policy wants, and their folders.

        Returns:
          `None` if the model's folder cannot be read, which may pass: nothing is to be changed then.
        """
        try:
            found = versions_in(source.base_path)
        except OSError as error:
            if source.name not in self._missing:
                message = "Could not find base path %s for servable %s: %s"
                logger.warning(message, source.base_path, source.name, error.strerror)
            self._missing.add(source.name)
            return None
        self._missing.discard(source.name)
        return aspired_versions(source.policy, found)
