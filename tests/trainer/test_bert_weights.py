"""BERT weights from a folder, against a forward pass in NumPy."""

import json

import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import InputError
from tests.trainer.small_bert import (
    CONFIG,
    POSITIONS,
    VOCABULARY,
    exact_gelu,
    forward,
    random_tensors,
    write_bert,
)
from trainer.bert_weights import load_bert, random_bert

# Two texts of different length, and one that fills all positions.
TOKENS = np.array([[2, 7, 9, 3, 0, 0, 0, 0, 0, 0, 0, 0], [2, 3, *[0] * 10], [2, *range(5, 15), 3]])


def _outputs(bert, tokens=TOKENS):
    """The backbone's sequence output of tokens that are no padding."""
    inputs = {"token_ids": tokens, "segment_ids": np.zeros_like(tokens), "padding_mask": tokens > 0}
    return bert.backbone(inputs)["sequence_output"].numpy()[tokens > 0]


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_the_backbone_equals_the_oracle(tmp_path, prefix):
    tensors = random_tensors()
    # A pre-training head, as most files have one, and the pooler are left alone.
    others = {"cls.predictions.bias": np.ones(3, np.float32), f"{prefix}pooler.dense.bias": np.ones(2)}
    write_bert(tmp_path, {**{prefix + name: value for name, value in tensors.items()}, **others})
    expected = forward(tensors, TOKENS)[TOKENS > 0]
    np.testing.assert_allclose(_outputs(load_bert(tmp_path)), expected, atol=2e-5)


def test_the_approximate_gelu_is_near_hugging_faces(bert_dir):
    # The two GELUs differ by at most 5e-4; layer norm keeps what follows from it of that order.
    expected = forward(random_tensors(), TOKENS, exact_gelu)[TOKENS > 0]
    np.testing.assert_allclose(_outputs(load_bert(bert_dir)), expected, atol=5e-3)


def test_half_precision_is_read(tmp_path):
    halves = {name: value.astype(np.float16) for name, value in random_tensors().items()}
    write_bert(tmp_path, halves)
    bert = load_bert(tmp_path)
    assert {weight.dtype for weight in bert.backbone.weights} == {tf.float32}
    np.testing.assert_allclose(_outputs(bert), forward(halves, TOKENS)[TOKENS > 0], atol=2e-5)


def test_vocabulary_and_case(bert_dir):
    bert = load_bert(bert_dir)
    assert bert.vocabulary == VOCABULARY
    assert bert.lowercase is True
    assert bert.backbone.max_sequence_length == POSITIONS


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [({"do_lower_case": False}, False), ({}, True)],
)
def test_the_tokenizers_case_is_honoured(tmp_path, tokenizer, expected):
    write_bert(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    assert load_bert(tmp_path).lowercase is expected


def test_a_vocabulary_may_be_smaller_than_the_weights(tmp_path):
    """Embedding tables are often padded to a round size."""
    write_bert(tmp_path, vocabulary=VOCABULARY[:-3])
    assert load_bert(tmp_path).vocabulary == VOCABULARY[:-3]


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    write_bert(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"no BERT in .*: {name} is missing"):
        load_bert(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match=r"no BERT in .*none: config\.json is missing"):
        load_bert(tmp_path / "none")


def test_another_model_type_is_refused(tmp_path):
    write_bert(tmp_path, config={"model_type": "roberta"})
    with pytest.raises(InputError, match=r"config\.json describes a 'roberta', not a 'bert'"):
        load_bert(tmp_path)


@pytest.mark.parametrize(
    "name", ["hidden_size", "vocab_size", "num_hidden_layers", "max_position_embeddings"]
)
def test_a_configuration_that_says_too_little_is_refused(tmp_path, name):
    write_bert(tmp_path)
    config = {key: value for key, value in CONFIG.items() if key != name}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=rf"config\.json does not say '{name}'"):
        load_bert(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize(("text", "what"), [("{", "is not a JSON file"), ("[]", "must hold a JSON object")])
def test_broken_json_is_refused(tmp_path, name, text, what):
    write_bert(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=f"{name} {what}"):
        load_bert(tmp_path)


@pytest.mark.parametrize(
    ("prefix", "name"),
    [("", "embeddings.LayerNorm.bias"), ("bert.", "encoder.layer.1.output.dense.weight")],
)
def test_a_missing_tensor_is_named(tmp_path, prefix, name):
    write_bert(tmp_path, {prefix + key: value for key, value in random_tensors().items() if key != name})
    with pytest.raises(InputError, match=rf"model\.safetensors has no tensor '{prefix}{name}'"):
        load_bert(tmp_path)


def test_fewer_layers_than_described_are_refused(tmp_path):
    write_bert(tmp_path, config={"num_hidden_layers": 3})
    with pytest.raises(
        InputError, match=r"has no tensor 'encoder\.layer\.2\.attention\.self\.query\.weight'"
    ):
        load_bert(tmp_path)


def test_a_tensor_of_the_wrong_size_is_refused(tmp_path):
    tensors = random_tensors()
    name = "encoder.layer.0.intermediate.dense.weight"
    write_bert(tmp_path, {**tensors, name: tensors[name][:-1]})
    with pytest.raises(InputError, match=r"model\.safetensors: .* needs shape \(8, 16\), not \(8, 15\)"):
        load_bert(tmp_path)


def test_a_vocabulary_larger_than_the_weights_is_refused(tmp_path):
    write_bert(tmp_path, vocabulary=(*VOCABULARY, "more"))
    expected = rf"vocab\.txt has {len(VOCABULARY) + 1} word pieces; the weights, {len(VOCABULARY)}"
    with pytest.raises(InputError, match=expected):
        load_bert(tmp_path)


@pytest.mark.parametrize("piece", ["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
def test_a_vocabulary_without_a_special_piece_is_refused(tmp_path, piece):
    write_bert(tmp_path, vocabulary=tuple(p for p in VOCABULARY if p != piece))
    with pytest.raises(InputError, match=rf"vocab\.txt has no \[{piece[1:-1]}\]"):
        load_bert(tmp_path)


def test_padding_must_be_the_first_piece(tmp_path):
    write_bert(tmp_path, vocabulary=(VOCABULARY[1], VOCABULARY[0], *VOCABULARY[2:]))
    with pytest.raises(InputError, match=r"\[PAD\] must be the first piece, .* not '\[UNK\]'"):
        load_bert(tmp_path)


def test_a_vocabulary_that_is_not_utf_8_is_refused(tmp_path):
    write_bert(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n\xff\xfe")
    with pytest.raises(InputError, match=r"vocab\.txt is not a UTF-8 text file"):
        load_bert(tmp_path)


def test_another_activation_is_refused(tmp_path):
    write_bert(tmp_path, config={"hidden_act": "relu"})
    with pytest.raises(InputError, match=r"hidden_act is 'relu', and only gelu is offered"):
        load_bert(tmp_path)


def test_a_matrix_that_lies_is_refused(tmp_path):
    tensors = random_tensors()
    name = "encoder.layer.0.intermediate.dense.weight"
    write_bert(tmp_path, {**tensors, name: np.ascontiguousarray(tensors[name].T)})
    with pytest.raises(InputError, match=r"needs shape \(8, 16\), not \(16, 8\)"):
        load_bert(tmp_path)


def test_the_first_berts_names_of_layer_norms_are_read(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "first").mkdir()
    write_bert(tmp_path / "new")
    renamed = {
        name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): values
        for name, values in random_tensors().items()
    }
    write_bert(tmp_path / "first", renamed)
    new, first = (load_bert(tmp_path / name).backbone.weights for name in ("new", "first"))
    for left, right in zip(new, first, strict=True):
        if "pooled" not in left.name:  # which nothing uses, and so nothing fills
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("contents", [b"", b"not safetensors at all"])
def test_what_is_no_safetensors_file_is_refused(tmp_path, contents):
    write_bert(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(contents)
    with pytest.raises(InputError, match=r"model\.safetensors is not a safetensors file"):
        load_bert(tmp_path)


def test_a_safetensors_file_that_was_cut_is_refused(tmp_path):
    write_bert(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="is not a safetensors file"):
        load_bert(tmp_path)


def test_a_random_bert_has_the_shape_asked_for():
    bert = random_bert(num_layers=3, hidden_dim=8, max_tokens=7)
    tokens = np.arange(7)[np.newaxis] + 1
    assert _outputs(bert, tokens).shape == (7, 8)
    assert bert.backbone.num_layers == 3
    assert len(set(bert.vocabulary)) == len(bert.vocabulary) == bert.backbone.vocabulary_size
