"""BERT's tokenisation as a part of the graph."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text as tf_text

from trainer.graphs import untouched_by_autograph

UNKNOWN, START, END = "[UNK]", "[CLS]", "[SEP]"

# As in Hugging Face's and Google's tokenizers; longer words are unknown.
_MAX_WORD_CHARACTERS = 100
_MAX_CHARACTER_BYTES = 4

# What is taken out: U+FFFD, and control and format characters other than white space.
_REMOVED = r"[\x{FFFD}\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}\p{Cf}]"
# RE2's \s knows ASCII alone; Chinese writes U+3000.
_SPACE = r"[\s\p{Z}]"
# Every ASCII character that is neither letter nor digit counts as punctuation, "$" and "^" among them.
_PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"
_CHINESE = (
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)


class WordPieces:
    """Texts to ids of word pieces, as BERT defines them (Devlin et al. 2018; Wu et al. 2016).

    Control characters are taken out, Chinese characters (if so wished) and punctuation become words
    of their own, and each word is matched by the longest pieces from its start. It has no weights.
    """

    def __init__(
        self, vocabulary: Sequence[str], lowercase: bool, strip_accents: bool | None, split_chinese: bool
    ):
        """Initializes the tokeniser.

        Args:
          vocabulary: Word pieces in the order of their ids, `[UNK]`, `[CLS]` and `[SEP]` among them.
          lowercase: Whether texts are lower-cased first.
          strip_accents: Whether accents are taken off; `None` goes by `lowercase`.
          split_chinese: Whether each Chinese character is a word.
        """
        pieces = list(vocabulary)
        self.start_id, self.end_id = pieces.index(START), pieces.index(END)
        self._lowercase = lowercase
        self._strip_accents = lowercase if strip_accents is None else strip_accents
        self._split_chinese = split_chinese
        self._pieces = tf_text.FastWordpieceTokenizer(
            vocab=pieces,
            unknown_token=UNKNOWN,
            max_bytes_per_word=_MAX_WORD_CHARACTERS * _MAX_CHARACTER_BYTES,
            token_out_type=tf.int32,
            no_pretokenization=True,
        )

    @untouched_by_autograph
    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Splits texts.

        Args:
          texts: [B] strings, UTF-8.

        Returns:
          [B, pieces] int32, ragged, without special tokens.
        """
        words = self._words(texts)
        is_long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > _MAX_WORD_CHARACTERS
        words = words.with_flat_values(tf.where(is_long, UNKNOWN, words.flat_values))
        return self._pieces.tokenize(words).merge_dims(-2, -1)

    def _words(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """[B, words] strings."""
        texts = tf.strings.regex_replace(texts, _REMOVED, "")
        texts = tf.strings.regex_replace(texts, _SPACE, " ")
        if self._split_chinese:
            texts = tf.strings.regex_replace(texts, _CHINESE, r" \0 ")
        if self._lowercase:
            texts = tf.strings.lower(texts, encoding="utf-8")
        if self._strip_accents:
            texts = tf_text.normalize_utf8(texts, "NFD")
            texts = tf.strings.regex_replace(texts, r"\p{Mn}", "")
        return tf_text.regex_split(texts, f" |{_PUNCTUATION}", _PUNCTUATION)
