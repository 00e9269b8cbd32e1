"""Checkpoints in an object store."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from pipeline.errors import InputError
from pipeline.object_store import ObjectStore, files_in

_SECONDS = 15.0


class CheckpointMirror:
    """A folder whose changes follow into an object store, so that they outlive the machine.

    Its files must be replaced whole, as checkpoints are; what is gone from the folder goes from the store.
    """

    def __init__(self, folder: Path, uri: str, seconds: float = _SECONDS):
        """Initializes; nothing is read or written yet.

        Args:
          folder: The folder.
          uri: The address.
          seconds: Between two looks at the folder.
        """
        self.folder = folder
        self._store = ObjectStore(uri)
        self._seconds = seconds
        self._seen: dict[str, tuple[int, int]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="mirror", daemon=True)

    def start(self, follow: bool = True) -> None:
        """Fetches what stands at the address, and follows the folder from then on if asked to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._store.download(self._store.names(), self.folder)
        self._seen = self._look()
        if follow:
            self._thread.start()

    def stop(self) -> None:
        """Ends the following; what changed since the last look is left."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def copy(self) -> None:
        """Copies what has changed since the last look, after which nothing is followed any more."""
        self.stop()
        self._copy()

    def _follow(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self._copy()
            except (InputError, OSError) as error:  # the training goes on; the next look tries again
                logging.getLogger(__name__).warning("a checkpoint is not copied: %s", error)

    def _copy(self) -> None:
        now = self._look()
        changed = [name for name, state in now.items() if self._seen.get(name) != state]
        for name in changed:
            self._store.write(name, (self.folder / name).read_bytes())
        self._store.remove([name for name in self._seen if name not in now])
        self._seen = now

    def _look(self) -> dict[str, tuple[int, int]]:
        """Size and time of each file that is whole."""
        found = {}
        for name, path in files_in(self.folder).items():
            if not name.endswith(".partial"):
                status = path.stat()
                found[name] = (status.st_size, status.st_mtime_ns)
        return found
