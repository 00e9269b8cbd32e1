"""Dictionary encoding."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.distinct import distinct_texts


@given(st.lists(st.lists(st.sampled_from(["", "a", "b", "ü", "🙂"]), max_size=5), max_size=4))
def test_texts_and_places_give_the_column_back(chunks):
    column = pa.chunked_array(chunks, pa.string())
    texts, places = distinct_texts(column)
    assert texts.take(pa.array(places)).to_pylist() == column.to_pylist()
    assert len(set(texts.to_pylist())) == len(texts)
    if column.num_chunks == 1:
        assert distinct_texts(column.chunk(0))[0].equals(texts)
