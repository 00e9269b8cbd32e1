"""Microsoft News, from files made here."""

from datetime import datetime

import pytest

from pipeline.config.data import MindSource
from pipeline.datasets import raw_file
from pipeline.datasets.registry import open_adapter
from pipeline.errors import InputError
from tests.pipeline.datasets.adapter_rows import typed_interactions, typed_items

BEHAVIORS = (
    "1\tU1\t11/12/2019 2:14:46 PM\tN1 N2 N1\tN5-0 N6-1\n"
    "2\tU2\t11/12/2019 12:00:00 AM\t\tN5-1\n"
    "3\tU1\t11/11/2019 9:05:00 AM\tN1 N2 N1\tN-7-0\n"
)
LABELS = '[{"Label": "Rome", "WikidataId": "Q220"}, {"Label": "Rome", "WikidataId": "Q220"}]'
NEWS = (
    f'N1\tnews\tworld\tA "quoted" title\tIn "short\thttps://a\t{LABELS}\t[{{"WikidataId": "Q1"}}]\n'
    "N2\tsports\tgolf\tTitle\t\thttps://b\t[]\t\n"
    'N3\tsports\tgolf\tTitle\t\thttps://c\t[{"WikidataId": \t{"WikidataId": "Q2"}\n'
    "N4\tsports\tgolf\tTitle\t\thttps://d\t"
    '[1, {"Label": "x"}, {"WikidataId": 7}, {"WikidataId": "Q3"}]\tnull\n'
)


def _second(day, hour, minute=0, second=0):
    return int((datetime(2019, 11, day, hour, minute, second) - datetime(1970, 1, 1)).total_seconds())


@pytest.fixture
def mind(tmp_path):
    def write(behaviors=BEHAVIORS, news=NEWS):
        (tmp_path / "behaviors.tsv").write_text(behaviors, encoding="utf-8")
        (tmp_path / "news.tsv").write_text(news, encoding="utf-8")
        adapter = open_adapter(MindSource(source="mind", folder=tmp_path))
        adapter.check()
        return adapter

    return write


def _events(typed, *kinds):
    rows = [row for row in typed.rows if row["event_type"] in kinds]
    return [(row["user_id"], row["item_id"], row["event_type"], row["timestamp"]) for row in rows]


def test_articles_shown(mind):
    typed = typed_interactions(mind())
    assert typed.rejects == []
    assert _events(typed, "click", "skip") == [
        ("U1", "N5", "skip", _second(12, 14, 14, 46)),
        ("U1", "N6", "click", _second(12, 14, 14, 46)),
        ("U2", "N5", "click", _second(12, 0)),
        ("U1", "N-7", "skip", _second(11, 9, 5)),
    ]


def test_the_history_of_the_earliest_row_lies_before_it_in_its_order(mind):
    since = _second(11, 9, 5)
    assert _events(typed_interactions(mind()), "read") == [
        ("U1", "N1", "read", since - 3),
        ("U1", "N2", "read", since - 2),
        ("U1", "N1", "read", since - 1),
    ]


def test_histories_against_a_plain_oracle(mind):
    history = {f"U{user}": [f"N{i}" for i in range(user % 5)] for user in range(50)}
    rows = [
        (user, f"11/{day}/2019 {1 + day % 9}:00:00 AM", articles)
        for day in (14, 11, 12)
        for user, articles in history.items()
    ]
    behaviors = "".join(f"{i}\t{u}\t{t}\t{' '.join(a)}\tN9-0\n" for i, (u, t, a) in enumerate(rows))
    expected = [
        (user, article, "read", _second(11, 3) - len(articles) + place)
        for user, articles in history.items()
        for place, article in enumerate(articles)
    ]
    typed = typed_interactions(mind(behaviors))
    assert _events(typed, "read") == expected
    assert len(_events(typed, "skip")) == len(rows)


def test_the_layout_says_what_each_type_is(mind):
    layout = mind().layout()
    assert (layout.exposure_types, layout.prior_types) == (("skip",), ("read",))
    assert (layout.has_value, layout.has_event_type, layout.has_dwell) == (False, True, False)


def test_what_cannot_be_understood_is_rejected_alone(mind):
    behaviors = (
        "1\tU1\t11/12/2019 2:14:46 PM\tN1\tN5 N6-1 N7-x N8-2 -1\n"
        "2\tU2\t12.11.2019 14:14\tN1 N2\tN5-1 N6-0\n"
        "3\tU3\t\tN1 N2\tN5-1\n"
        "4\t\t11/12/2019 2:14:46 PM\t\tN5-1\n"
        "5\tU5\t11/12/2019 2:14:46 PM\tN1\n"
        "6\tU6\t11/12/2019 2:14:46 PM\t\t\n"
        "7\tU7\t11/12/2019 2:14:46 PM\t  N1   N2 \t N5-1  N6-0 \n"
    )
    typed = typed_interactions(mind(behaviors))
    assert [event[:3] for event in _events(typed, "read", "click", "skip")] == [
        ("U1", "N1", "read"),
        ("U7", "N1", "read"),
        ("U7", "N2", "read"),
        ("U1", "N6", "click"),
        ("U7", "N5", "click"),
        ("U7", "N6", "skip"),
    ]
    rejects = list(zip(typed.rejects, typed.details, strict=True))
    file = "behaviors.tsv"
    assert rejects == [
        ((file, 1, "missing_key"), "item_id: 'N5'"),
        ((file, 1, "missing_key"), "item_id: 'N7-x'"),
        ((file, 1, "missing_key"), "item_id: 'N8-2'"),
        ((file, 1, "missing_key"), "item_id: '-1'"),
        ((file, 2, "unparsable_value"), "timestamp: '12.11.2019 14:14'"),
        ((file, 3, "missing_key"), "timestamp: ''"),
        ((file, 4, "missing_key"), "user_id"),
        ((file, 5, "unparsable_row"), "5\tU5\t11/12/2019 2:14:46 PM\tN1"),
    ]
    assert typed.num_read == len(typed.rows) + len(rejects)


def test_nothing_at_all(mind):
    assert typed_interactions(mind("1\tU6\t11/12/2019 2:14:46 PM\t\t\n")).rows == []
    assert typed_interactions(mind("1\tU6\tnever\tN1\tN2-1\n")).rows == []


def test_histories_are_told_once_a_table(mind, monkeypatch):
    rows = [f"{i}\tU1\t11/12/2019 2:14:46 PM\tN1 N2\tN{i}-1\n" for i in range(40)]
    monkeypatch.setattr(raw_file, "_BLOCK_BYTES", (500, 1000))
    adapter = mind("".join(rows))
    tables = len(list(adapter.interactions(adapter.parts()[0]))) // 2
    assert tables > 2
    typed = typed_interactions(adapter)
    assert len(_events(typed, "click")) == 40
    assert len(_events(typed, "read")) == 2 * tables


def test_articles(mind):
    typed = typed_items(mind())
    assert typed.rejects == []
    assert typed.rows[0] == {
        "item_id": "N1",
        "title": 'A "quoted" title',
        "text": 'In "short',
        "item_category": ["news"],
        "item_subcategory": ["world"],
        "item_entities": ["Q220", "Q1"],
    }
    assert [row["item_entities"] for row in typed.rows[1:]] == [None, None, ["Q3"]]
    assert [row["text"] for row in typed.rows[1:]] == [None, None, None]


def test_the_guess_of_events_is_of_their_order(mind):
    rows = [f"{i}\tU{i}\t11/12/2019 2:14:46 PM\t{'N12345 ' * 30}\t{'N12345-0 ' * 37}\n" for i in range(1000)]
    assert 33_500 < mind("".join(rows)).num_rows() < 134_000


def test_a_folder_without_the_files(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*behaviors\.tsv: No such file"):
        open_adapter(MindSource(source="mind", folder=tmp_path)).check()
