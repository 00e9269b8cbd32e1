"""MovieLens in GroupLens' layout, from files made here."""

import pytest

from pipeline.config.data import MovieLensLatestSource
from pipeline.datasets.registry import open_adapter
from pipeline.errors import InputError
from tests.pipeline.datasets.adapter_rows import typed_interactions, typed_items

RATINGS = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,3,4.5,964981247\n2,1,0.5,964982224\n"
MOVIES = (
    "movieId,title,genres\n"
    "1,Toy Story (1995),Adventure|Children\n"
    '3,"American President, The (1995) ",Comedy\n'
    "4,Death Note (2006–2007),(no genres listed)\n"
    "5,Babylon 5,Sci-Fi\n"
    "6,Cité (Ville) (2015- ),\n"
    "7,2001: A Space Odyssey (1968),IMAX\n"
)
TEXTS = 'movieId,wikipedia_extract\n3,"A film, with a president."\n1,\n99,Of no film.\n3,Again.\n'


@pytest.fixture
def folder(tmp_path):
    for name, text in (("ratings", RATINGS), ("movies", MOVIES), ("texts", TEXTS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def _open(folder, **options):
    return open_adapter(MovieLensLatestSource(source="movielens_latest", folder=folder, **options))


def test_ratings(folder):
    typed = typed_interactions(_open(folder))
    assert typed.rows == [
        {"user_id": "1", "item_id": "1", "timestamp": 964982703, "value": 4.0},
        {"user_id": "1", "item_id": "3", "timestamp": 964981247, "value": 4.5},
        {"user_id": "2", "item_id": "1", "timestamp": 964982224, "value": 0.5},
    ]
    assert typed.rejects == []


def test_films(folder):
    films = {row["item_id"]: row for row in typed_items(_open(folder)).rows}
    assert films["1"] == {
        "item_id": "1",
        "title": "Toy Story (1995)",
        "item_genres": ["Adventure", "Children"],
        "item_year": 1995.0,
    }
    assert films["3"]["title"] == "American President, The (1995)"
    assert [films[i]["item_genres"] for i in "456"] == [None, ["Sci-Fi"], None]
    assert [films[i]["item_year"] for i in "34567"] == [1995.0, 2006.0, None, 2015.0, 1968.0]


def test_texts_are_joined_by_film(folder):
    adapter = _open(folder, item_text=folder / "texts.csv")
    adapter.check()
    assert adapter.layout().has_text
    texts = {row["item_id"]: row["text"] for row in typed_items(adapter).rows}
    assert texts == {"1": None, "3": "A film, with a president.", "4": None, "5": None, "6": None, "7": None}


def test_the_column_of_the_texts_is_named(folder):
    (folder / "plots.csv").write_text("plot,movieId\nToys.,1\n")
    adapter = _open(folder, item_text=folder / "plots.csv", text_column="plot")
    assert typed_items(adapter).rows[0]["text"] == "Toys."
    with pytest.raises(InputError, match=r"plots\.csv has no column 'wikipedia_extract'; it has plot, mov"):
        _open(folder, item_text=folder / "plots.csv").check()


def test_wrong_rows_are_rejected_with_their_place(folder):
    (folder / "ratings.csv").write_text(RATINGS + "2,3,good,964982224\n2,3,4.0,soon\n,3,4.0,9\n2,3\n")
    typed = typed_interactions(_open(folder))
    assert len(typed.rows) == 3
    assert typed.rejects == [
        ("ratings.csv", 4, "unparsable_value"),
        ("ratings.csv", 5, "unparsable_value"),
        ("ratings.csv", 6, "missing_key"),
        ("ratings.csv", 7, "unparsable_row"),
    ]


def test_wrong_rows_of_the_texts_are_told_with_those_of_the_films(folder):
    (folder / "movies.csv").write_text(MOVIES + "8,Hello, World (2001),Drama\n", encoding="utf-8")
    (folder / "texts.csv").write_bytes(TEXTS.encode() + b"4,\xff\xfe\n5,a,b\n")
    typed = typed_items(_open(folder, item_text=folder / "texts.csv"))
    assert len(typed.rows) == 6
    assert typed.rejects == [
        ("movies.csv", 7, "unparsable_row"),
        ("texts.csv", 5, "not_utf8"),
        ("texts.csv", 6, "unparsable_row"),
    ]


def test_ids_are_those_of_a_published_data_set(folder):
    assert _open(folder).ids_are_public


def test_the_fingerprint_follows_texts_and_files(folder):
    plain, told = _open(folder), _open(folder, item_text=folder / "texts.csv")
    first = told.fingerprint()
    assert first == _open(folder, item_text=folder / "texts.csv").fingerprint()
    assert first not in (plain.fingerprint(), _open(folder, item_text=folder / "movies.csv").fingerprint())
    (folder / "texts.csv").write_text(TEXTS + "5,Space.\n")
    assert told.fingerprint() != first


def test_a_file_that_is_not_there(folder):
    (folder / "movies.csv").unlink()
    with pytest.raises(InputError, match=r"cannot read .*movies\.csv: No such file"):
        _open(folder).check()
