"""Which towers an index belongs to."""

import hashlib

import numpy as np
import pytest

from serving.tower_fingerprint import tower_fingerprint

IDS = np.array([b"a", b"bc", b""])
EMBEDDINGS = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_it_is_a_digest_of_shape_lengths_ids_and_values():
    lengths = b"".join(n.to_bytes(8, "little") for n in (1, 2, 0))
    content = b"(3, 2)" + lengths + b"abc" + EMBEDDINGS.tobytes()
    assert tower_fingerprint(IDS, EMBEDDINGS) == hashlib.sha256(content).hexdigest()


def test_objects_as_tensorflow_gives_them_are_the_same_ids():
    assert tower_fingerprint(IDS.astype(object), EMBEDDINGS) == tower_fingerprint(IDS, EMBEDDINGS)


@pytest.mark.parametrize(
    ("ids", "embeddings"),
    [
        ([b"bc", b"a", b""], EMBEDDINGS),
        ([b"ab", b"c", b""], EMBEDDINGS),
        (IDS, EMBEDDINGS[::-1]),
        (IDS, np.nextafter(EMBEDDINGS, np.float32(9))),
        (IDS, EMBEDDINGS.reshape(2, 3)),
    ],
    ids=["order of ids", "other ids, same letters", "order of rows", "the last bit", "shape"],
)
def test_whatever_differs_shows(ids, embeddings):
    assert tower_fingerprint(np.array(ids), embeddings) != tower_fingerprint(IDS, EMBEDDINGS)
