"""Tokenisation, against lists written by hand from BERT's definition (Devlin et al. 2018)."""

import json

import pytest
import tensorflow as tf

from pipeline.errors import InputError
from tests.trainer.small_bert import random_tensors, write_bert
from trainer.bert_weights import load_bert
from trainer.text_tower import TextTower

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHINESE = (*SPECIAL, *"红楼梦的电影院年一〇丶《》，。！（）·", *"0123456789ab$-^")
CHINESE += (
    "##电",
    "##影",
    "##院",
    "##一",
    "kung",
    "fu",
    "##fu",
    "the",
    "##0",
    "##1",
    "##9",
    "co",
    "##op",
    "ß",
)
CHINESE += ("Kung", "café", "cafe", "𠀀", "豈", "ａ", "かな", "か", "##な", "한국", "##b")


@pytest.fixture
def pieces(tmp_path):
    """A function from texts, and the tokenizer's settings, to word pieces."""

    def tokenize(text: str, **settings: object) -> list[str]:
        tensors = random_tensors()
        embeddings = tensors["embeddings.word_embeddings.weight"]
        tensors["embeddings.word_embeddings.weight"] = embeddings[[0] * len(CHINESE)]
        write_bert(tmp_path, tensors, {"vocab_size": len(CHINESE)}, vocabulary=CHINESE)
        if settings:
            (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
        tower = TextTower(load_bert(tmp_path), max_tokens=12, trainable_layers=1)
        ids = tower.tokenize(tf.constant([text])).numpy()[0]
        names = [CHINESE[i] for i in ids if i > 0]
        assert names[0] == "[CLS]"
        assert names[-1] == "[SEP]"
        return names[1:-1]

    return tokenize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Each Chinese character is a word, so that no "##" piece of one is ever taken.
        ("电影院", ["电", "影", "院"]),
        ("红楼梦的电影", ["红", "楼", "梦", "的", "电", "影"]),
        # Mixed scripts part where Chinese begins and ends, digits as other words by pieces.
        ("KungFu电影the", ["kung", "##fu", "电", "影", "the"]),
        ("2019年的ab", ["2", "##0", "##1", "##9", "年", "的", "a", "##b"]),
        # Punctuation, full-width too, stands alone.
        ("《红楼梦》，电影！", ["《", "红", "楼", "梦", "》", "，", "电", "影", "！"]),
        ("（a）·a$b^-", ["（", "a", "）", "·", "a", "$", "b", "^", "-"]),
        # What the vocabulary lacks, traditional characters too.
        ("电視院", ["电", "[UNK]", "院"]),
        ("電影", ["[UNK]", "影"]),
        ("😀电", ["[UNK]", "电"]),
        # White space: the ideographic, the no-break, tabs, line ends, the line separator.
        ("电\u3000影", ["电", "影"]),
        ("fu\u3000fu\u00a0fu\tfu\nfu\u2028fu", ["fu"] * 6),
        # Control and format characters vanish and part nothing: soft hyphen, zero-width space, form feed.
        ("co\u00adop co\u200bop co\x0cop", ["co", "##op"] * 3),
        ("\ufeffco\ufffdop", ["co", "##op"]),
        # Numbers that look like Chinese: 〇 is none of its characters, but punctuation neither.
        ("一〇一", ["一", "〇", "一"]),
        # The rare planes; a compatibility character, which only NFD turns into another, after the parting.
        ("𠀀𠀀", ["𠀀", "𠀀"]),
        # Kana and Hangul are words like Latin. NFD takes Hangul apart, so that its syllables are unknown.
        ("かな", ["かな"]),
        ("かな电", ["かな", "电"]),
        ("한국", ["[UNK]"]),
        # A full-width letter is a letter, and none of ASCII's.
        ("Ａ", ["ａ"]),
        # Lower case, as Python's; not case folding, which makes "ss" of it.
        ("ß Café", ["ß", "cafe"]),
        ("", []),
        (" \u3000 ", []),
    ],
)
def test_chinese(pieces, text, expected):
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["kung", "cafe"]),
        ({"do_lower_case": True, "strip_accents": None}, ["kung", "cafe"]),
        ({"do_lower_case": True, "strip_accents": False}, ["kung", "café"]),
        ({"do_lower_case": False}, ["Kung", "café"]),
        ({"do_lower_case": False, "strip_accents": None}, ["Kung", "café"]),
        ({"do_lower_case": False, "strip_accents": True}, ["Kung", "cafe"]),
        ({"model_max_length": 512}, ["kung", "cafe"]),
    ],
)
def test_the_folders_settings(pieces, settings, expected):
    assert pieces("Kung café", **settings) == expected


def test_hangul_whole_where_accents_stay(pieces):
    assert pieces("한국", strip_accents=False) == ["한국"]


def test_chinese_by_words_if_the_folder_says_so(pieces):
    assert pieces("电影院 一", tokenize_chinese_chars=False) == ["电", "##影", "##院", "一"]


@pytest.mark.parametrize("count", [100, 101])
def test_a_word_of_more_than_100_characters_is_unknown(pieces, count):
    word = "a" + "b" * (count - 1)
    # 12 tokens are read, the special ones included.
    assert pieces(word) == (["a", *["##b"] * 9] if count == 100 else ["[UNK]"])


def test_characters_are_counted_and_not_bytes(pieces):
    """Of 3 bytes each, 100 of them."""
    assert pieces("か" + "な" * 99) == ["かな", *["##な"] * 9]


@pytest.mark.parametrize("name", ["do_lower_case", "strip_accents", "tokenize_chinese_chars"])
def test_settings_that_are_no_switches_are_refused(pieces, name):
    with pytest.raises(InputError, match="tokenizer_config.json: .*" + name + ".* true or false"):
        pieces("a", **{name: "no"})


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path, name):
    write_bert(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"no BERT in {tmp_path}: {name} is missing"):
        load_bert(tmp_path)


def test_another_model_is_refused(tmp_path):
    write_bert(tmp_path, config={"model_type": "gpt2"})
    with pytest.raises(InputError, match="config.json describes a 'gpt2', not a 'bert'"):
        load_bert(tmp_path)
