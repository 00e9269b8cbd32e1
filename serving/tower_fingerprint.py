"""Which towers an index belongs to."""

from __future__ import annotations

import hashlib

import numpy as np


def tower_fingerprint(item_ids: np.ndarray, embeddings: np.ndarray) -> str:
    """What a retrieval model and the index over its candidates have in common, and other ones do not.

    A query embedding means something to the candidate tower that was trained with it and to no other, so
    that an index of other embeddings answers, and answers wrongly.

    Args:
      item_ids: [N] UTF-8 bytes.
      embeddings: [N, dim] float32, the candidates' without the unknown item's.

    Returns:
      SHA-256, 64 hexadecimal digits.
    """
    hasher = hashlib.sha256(repr(embeddings.shape).encode())
    ids = item_ids.tolist()
    # Lengths first: otherwise ("ab", "c") and ("a", "bc") would be the same.
    hasher.update(np.array([len(item_id) for item_id in ids], "<i8").tobytes())
    hasher.update(b"".join(ids))
    hasher.update(np.ascontiguousarray(embeddings, "<f4").tobytes())
    return hasher.hexdigest()
