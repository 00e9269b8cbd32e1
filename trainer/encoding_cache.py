"""What frozen layers made of texts, kept from one run to the next."""

from __future__ import annotations

import logging
import os
import time
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

_SUFFIX, _PARTIAL = ".safetensors", ".partial"
_PARTIAL_SECONDS = 86400  # as old as that, a partial file's writer is dead
_CHECKSUM = "crc32"
# Two keyed hashes make a digest: among a billion texts, two share one with a chance of 1e-20.
_HASH_KEYS = ((0x5EED, 0xC0FFEE), (0xFACADE, 0xDECADE))
_DIGEST = np.dtype([("first", np.int64), ("second", np.int64)])


class EncodingCache:
    """A folder of files, each of which holds the encodings of some texts.

    Each text has an encoding of its own, so that a larger corpus costs only its new texts. A file
    appears whole, is never changed, and bears a checksum; so several processes may read and write at
    once. A damaged file is removed, and what it held is computed anew. Of more than `max_mb`, the files
    that were used least recently go.

    Texts are kept as digests. They are items' texts; nothing of a user enters.
    """

    def __init__(self, root: Path, key: str, max_mb: int):
        """Initializes the cache; nothing is read or written yet.

        Args:
          root: The folder of all caches; they share `max_mb`.
          key: Digest of all that encodings depend on beside the text.
          max_mb: Disk that the files in `root` may take, in MiB.
        """
        self._root = root
        self._folder = root / key
        self._max_bytes = max_mb * 2**20

    def fill(self, texts: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Looks up texts.

        Args:
          texts: [N] distinct strings.
          out: [N, length, dim] float32 zeros; gets what is found, text by text.

        Returns:
          [N] bool: which texts were found.
        """
        found = np.zeros(len(texts), bool)
        wanted = _digests(texts)
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if found.all():
                break
            tensors = self._read(path, out.shape)
            if tensors is None:
                continue
            _, rows, places = np.intersect1d(
                wanted, tensors["digests"].view(_DIGEST)[:, 0], assume_unique=True, return_indices=True
            )
            new = ~found[rows]
            if new.any():
                _copy(tensors, places[new], rows[new], out)
                found[rows[new]] = True
                _touch(path)
        return found

    def add(self, texts: np.ndarray, lengths: np.ndarray, values: np.ndarray) -> None:
        """Keeps encodings; what cannot be written is not kept, with a warning.

        Args:
          texts: [N] distinct strings.
          lengths: [N] int: how many of the rows of each encoding count.
          values: [N, length, dim] float32.
        """
        present = np.arange(values.shape[1]) < lengths[:, np.newaxis]
        tensors: dict[str, np.ndarray] = {
            "digests": _digests(texts).view(np.int64).reshape(-1, 2),
            "lengths": lengths.astype(np.int32),
            "values": values[present],
        }
        if sum(tensor.nbytes for tensor in tensors.values()) > self._max_bytes:
            logging.getLogger(__name__).info("text.disk_cache_mb is too little for %d texts", len(texts))
            return
        path = self._folder / f"{uuid.uuid4().hex}{_SUFFIX}"
        partial = path.with_suffix(_PARTIAL)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file(tensors, partial, metadata={_CHECKSUM: _checksum(tensors)})
            os.replace(partial, path)
            self._evict()
        except (OSError, SafetensorError) as error:  # the latter also if the disk is full
            logging.getLogger(__name__).warning("cannot keep encodings in %s: %s", self._folder, error)
            if partial.exists():
                partial.unlink()

    def _read(self, path: Path, shape: tuple[int, ...]) -> dict[str, np.ndarray] | None:
        """A file's tensors; `None` if another process removed it, or it is damaged and now removed."""
        try:
            with safe_open(str(path), framework="numpy") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                checksum = (file.metadata() or {}).get(_CHECKSUM)
            if checksum == _checksum(tensors) and _fits(tensors, shape):
                return tensors
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError) as error:
            logging.getLogger(__name__).debug("%s: %s", path, error)
        logging.getLogger(__name__).warning("%s is damaged; what it held is computed anew", path)
        path.unlink(missing_ok=True)
        return None

    def _evict(self) -> None:
        """Removes the files that were used least recently, and what dead writers left."""
        used = {path: _status(path) for path in self._root.glob(f"*/*{_SUFFIX}")}
        total = sum(size for _, size in used.values())
        for path, (_, size) in sorted(used.items(), key=lambda entry: entry[1]):
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size
        for path in self._root.glob(f"*/*{_PARTIAL}"):
            if _status(path)[0] < time.time() - _PARTIAL_SECONDS:
                path.unlink(missing_ok=True)


def _digests(texts: np.ndarray) -> np.ndarray:
    """[N] digests."""
    largest = np.iinfo(np.int64).max
    parts = [tf.strings.to_hash_bucket_strong(texts, largest, key).numpy() for key in _HASH_KEYS]
    return np.ascontiguousarray(np.stack(parts, axis=1)).view(_DIGEST)[:, 0]


def _checksum(tensors: Mapping[str, np.ndarray]) -> str:
    """Of all tensors' bytes."""
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(np.ascontiguousarray(tensors[name]).data, value)
    return str(value)


def _fits(tensors: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> bool:
    """Whether encodings are of a shape, each no longer than it allows."""
    lengths, values = tensors["lengths"], tensors["values"]
    return values.shape == (lengths.sum(), shape[-1]) and bool((lengths <= shape[1]).all())


def _copy(tensors: Mapping[str, np.ndarray], places: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """Copies the encodings at some places of a file into rows."""
    starts = np.cumsum(tensors["lengths"]) - tensors["lengths"]
    lengths = tensors["lengths"][places]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    out[np.repeat(rows, lengths), within] = tensors["values"][np.repeat(starts[places], lengths) + within]


def _touch(path: Path) -> None:
    """Notes that a file was used, unless another process removed it or owns it."""
    try:
        os.utime(path)
    except OSError as error:
        logging.getLogger(__name__).debug("cannot note the use of %s: %s", path, error)


def _status(path: Path) -> tuple[float, int]:
    """When a file was last used, and its bytes; zeros if it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0.0, 0
    return status.st_mtime, status.st_size
