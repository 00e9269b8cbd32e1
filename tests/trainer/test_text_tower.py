"""The text tower: tokens, pooling, and the parting into frozen and trained layers."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.text import TextTowerConfig
from pipeline.errors import InputError
from tests.trainer.small_bert import HIDDEN, LAYERS, POSITIONS, VOCABULARY, token_ids, unit, write_bert
from trainer.bert_weights import load_bert
from trainer.text_tower import TextTower, build_text_tower

# Of every length, in no order, so that the length groups of a batch mix them up.
TEXTS = ["abc", "", "a b c d e f g h i j k l", "a", "xyz z", "电影", "q w e r t", "b", "h i j k l m n o"]
# The embedding layers' five weights, and sixteen a transformer layer.
EMBEDDING_WEIGHTS, LAYER_WEIGHTS = 5, 16


@pytest.fixture(scope="module")
def tower(bert_dir):
    return TextTower(load_bert(bert_dir), max_tokens=10, trainable_layers=1)


def _tokens(tower, *texts):
    return tower.tokenize(tf.constant(list(texts))).numpy().tolist()


def _padded(*ids, length=10):
    return [*ids, *[0] * (length - len(ids))]


class TestTokens:
    def test_english(self, tower):
        expected = [_padded(*token_ids("[CLS]", "matrix", "a", "##b", ".", "[SEP]"))]
        assert _tokens(tower, "Matrix ab.") == expected

    def test_chinese_is_tokenised_by_characters(self, tower):
        expected = [
            _padded(*token_ids("[CLS]", "电", "影", "院", "[SEP]")),
            _padded(*token_ids("[CLS]", "a", "##b", "影", "c", "[SEP]")),
        ]
        assert _tokens(tower, "电影院", "ab影c") == expected

    def test_an_unknown_character(self, tower):
        assert _tokens(tower, "电视") == [_padded(*token_ids("[CLS]", "电", "[UNK]", "[SEP]"))]

    def test_case_and_accents_are_kept_if_the_folder_says_so(self, tmp_path):
        write_bert(tmp_path)
        (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
        tower = TextTower(load_bert(tmp_path), max_tokens=4, trainable_layers=1)
        assert _tokens(tower, "Matrix café") == [token_ids("[CLS]", "Matrix", "café", "[SEP]")]

    def test_lower_case_otherwise(self, tower):
        expected = [_padded(*token_ids("[CLS]", "matrix", "matrix", "[SEP]"))]
        assert _tokens(tower, "Matrix MATRIX") == expected

    def test_accents_go_with_the_case(self, tower):
        """As in Google's and Hugging Face's BERT, and as `Bert.lowercase` promises."""
        assert _tokens(tower, "Café") == [_padded(*token_ids("[CLS]", "cafe", "[SEP]"))]

    def test_a_long_text_is_cut_and_ends_with_the_end_token(self, tower):
        short, long = _tokens(tower, "a b c d e f g h", "a b c d e f g h i j k")
        assert long == short == token_ids("[CLS]", *"abcdefgh", "[SEP]")

    def test_an_empty_text_is_start_and_end(self, tower):
        assert _tokens(tower, "", "  ") == [_padded(*token_ids("[CLS]", "[SEP]"))] * 2

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_shape_and_type(self, tower, count):
        tokens = tower.tokenize(tf.constant(TEXTS[:count], tf.string))
        assert tokens.shape == (count, 10)
        assert tokens.dtype == tf.int32


class TestEmbeddings:
    def test_equal_the_mean_of_the_backbones_own_output(self, bert_dir):
        """Through KerasNLP's functional model, which computes all texts at full length."""
        bert = load_bert(bert_dir)
        tower = TextTower(bert, max_tokens=10, trainable_layers=1)
        tokens = tower.tokenize(tf.constant(TEXTS)).numpy()
        present = tokens > 0
        inputs = {"token_ids": tokens, "segment_ids": np.zeros_like(tokens), "padding_mask": present}
        outputs = bert.backbone(inputs)["sequence_output"].numpy()
        means = [outputs[i][present[i]].mean(axis=0) for i in range(len(TEXTS))]
        np.testing.assert_allclose(tower(tf.constant(TEXTS)), unit(np.array(means)), atol=1e-5)

    def test_do_not_depend_on_the_other_texts_or_their_order(self, tower):
        alone = np.concatenate([tower(tf.constant([text])) for text in TEXTS])
        order = np.random.default_rng(0).permutation(len(TEXTS))
        np.testing.assert_allclose(tower(tf.constant(TEXTS)), alone, atol=1e-5)
        np.testing.assert_allclose(tower(tf.constant(TEXTS)[::-1]), alone[::-1], atol=1e-5)
        np.testing.assert_allclose(tower(tf.gather(TEXTS, order)), alone[order], atol=1e-5)
        # All texts differ, or a mix-up would not show.
        assert (np.abs(alone[:, np.newaxis] - alone).max(axis=-1) > 1e-2).sum() == len(TEXTS) * (
            len(TEXTS) - 1
        )

    def test_have_length_one(self, tower):
        np.testing.assert_allclose(np.linalg.norm(tower(tf.constant(TEXTS)), axis=1), 1.0, atol=1e-6)

    @pytest.mark.parametrize("trainable_layers", range(LAYERS + 1))
    def test_frozen_and_trained_part_make_the_whole(self, bert_dir, tower, trainable_layers):
        """Where the computation is parted does not change what it gives."""
        parted = TextTower(load_bert(bert_dir), 10, trainable_layers)
        tokens = parted.tokenize(tf.constant(TEXTS))
        whole = parted.encode_tokens(tokens)
        np.testing.assert_array_equal(parted.encode_frozen(parted.frozen_outputs(tokens), tokens), whole)
        np.testing.assert_allclose(whole, tower(tf.constant(TEXTS)), atol=1e-6)

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_of_a_batch_of_any_size(self, tower, count):
        embeddings = tower(tf.constant(TEXTS[:count], tf.string))
        assert embeddings.shape == (count, HIDDEN)
        assert np.isfinite(embeddings).all()

    def test_of_a_batch_of_any_size_in_one_graph(self, tower):
        """As exported: batch size and groups are known only when it runs."""
        spec = tf.TensorSpec([None], tf.string)
        graph = tf.function(tower.call, input_signature=[spec], autograph=False)
        for count in (0, 1, 3, len(TEXTS)):
            texts = tf.constant(TEXTS[:count], tf.string)
            np.testing.assert_allclose(graph(texts), tower(texts), atol=1e-6)

    def test_dropout_only_while_training(self, tower):
        tokens = tower.tokenize(tf.constant(TEXTS))
        still = tower.encode_tokens(tokens)
        np.testing.assert_array_equal(tower.encode_tokens(tokens), still)
        assert np.abs(tower.encode_tokens(tokens, training=True) - still).max() > 1e-3


class TestTrainableLayers:
    @pytest.mark.parametrize(
        ("trainable_layers", "expected", "caches_frozen"),
        [
            (0, 0, True),
            (1, LAYER_WEIGHTS, True),
            (LAYERS, LAYERS * LAYER_WEIGHTS + EMBEDDING_WEIGHTS, False),
            (LAYERS + 3, LAYERS * LAYER_WEIGHTS + EMBEDDING_WEIGHTS, False),
        ],
    )
    def test_number_of_trainable_variables(self, bert_dir, trainable_layers, expected, caches_frozen):
        tower = TextTower(load_bert(bert_dir), 10, trainable_layers)
        assert len(tower.trainable_variables) == expected
        assert len(tower.variables) == LAYERS * LAYER_WEIGHTS + EMBEDDING_WEIGHTS
        assert tower.caches_frozen is caches_frozen

    def test_it_is_the_top_layer(self, bert_dir):
        bert = load_bert(bert_dir)
        tower = TextTower(bert, 10, trainable_layers=1)
        top = bert.backbone.get_layer(f"transformer_layer_{LAYERS - 1}")
        assert {v.ref() for v in tower.trainable_variables} == {v.ref() for v in top.weights}

    @pytest.mark.parametrize("trainable_layers", [1, LAYERS])
    def test_every_trainable_variable_gets_a_gradient(self, bert_dir, trainable_layers):
        tower = TextTower(load_bert(bert_dir), 10, trainable_layers)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tower(tf.constant(TEXTS))[:, 0])
        gradients = tape.gradient(loss, tower.trainable_variables)
        assert all(gradient is not None for gradient in gradients)


class TestBuild:
    def test_a_random_tower_follows_the_seed(self):
        config = TextTowerConfig(weights="random", random_hidden_dim=8, random_layers=1, max_tokens=6)
        first, again, other = (build_text_tower(config, seed)(tf.constant(["a b"])) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 1e-3

    def test_from_a_folder(self, bert_dir, tower):
        config = TextTowerConfig(weights=str(bert_dir), max_tokens=POSITIONS, trainable_layers=0)
        built = build_text_tower(config, seed=0)
        assert built.max_tokens == POSITIONS
        assert not built.trainable_variables
        np.testing.assert_allclose(built(tf.constant(["a b"])), tower(tf.constant(["a b"])), atol=1e-6)

    def test_more_tokens_than_the_weights_read_are_refused(self, bert_dir):
        config = TextTowerConfig(weights=str(bert_dir), max_tokens=POSITIONS + 1)
        with pytest.raises(InputError, match=f"text.max_tokens is {POSITIONS + 1}; .* reads {POSITIONS}"):
            build_text_tower(config, seed=0)


def test_the_small_vocabulary_has_no_duplicates():
    assert len(set(VOCABULARY)) == len(VOCABULARY)
