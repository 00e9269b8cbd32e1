"""A training that starts from what an earlier one learnt.

Vocabularies grow and change their order from one training to the next, so that rows of embeddings are carried
over by the words that they stand for. The optimizers start anew.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from safetensors.numpy import load, save

from pipeline.progress import PROGRESS_LOGGER
from schemas.features import Stream
from trainer.checkpoints import plain_name
from trainer.streams import TransformedStream

_FILE = "weights.safetensors"
_HEADER_BYTES = 8


@dataclass(frozen=True)
class Table:
    """An embedding with a row a word, and behind them those of words that the vocabulary lacks.

    Attributes:
      variable: [(words + others) * block, width].
      stream: Whose vocabulary.
      vocabulary: Its name there.
      block: Rows of a word, one after another.
      newcomers_are_unknown: Whether a word that the earlier vocabulary lacked starts from the first row
        behind the words, which stood for it then; by default from a fresh row.
    """

    variable: tf.Variable
    stream: Stream
    vocabulary: str
    block: int = 1
    newcomers_are_unknown: bool = False


@dataclass(frozen=True)
class Weights:
    """What a model learns, in groups that are carried over whole or not at all.

    Attributes:
      groups: Variables under a name, in an order that follows from the configuration.
      tables: Those of them whose rows have words.
      values: What is kept of a variable, by its group and place, where that is not its value.
    """

    groups: Mapping[str, Sequence[tf.Variable]]
    tables: Sequence[Table]
    values: Mapping[tuple[str, int], tf.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class EarlierModel:
    """A trained model, and the vocabularies that it was trained with.

    Attributes:
      folder: Of the model; see :func:`save_weights`.
      graphs: Folder of the Transform graph of each stream.
    """

    folder: str
    graphs: Mapping[Stream, str]

    def stored(self, group: str) -> list[np.ndarray]:
        """What it kept of a group's variables; nothing if it kept nothing."""
        return [value for _, value in _read(self.folder).get(group, [])]

    def places(self, table: Table, now: tft.TFTransformOutput) -> np.ndarray:
        """[words] int64: where each of today's words stood in the earlier vocabulary, -1 if nowhere."""
        places = {word: place for place, word in enumerate(self.words(table))}
        words = now.vocabulary_by_name(table.vocabulary)
        return np.fromiter((places.get(word, -1) for word in words), np.int64, len(words))

    def words(self, table: Table) -> list[bytes]:
        """The earlier vocabulary."""
        words: list[bytes] = tft.TFTransformOutput(self.graphs[table.stream]).vocabulary_by_name(
            table.vocabulary
        )
        return words


def save_weights(weights: Weights, folder: str) -> None:
    """Writes what a model has learnt into a folder, beside what else stands there.

    Args:
      weights: Of a trained model.
      folder: Any that TensorFlow can write to.
    """
    tensors = {
        f"{group}/{place:06d}": np.asarray(weights.values.get((group, place), variable), order="C")
        for group, variables in weights.groups.items()
        for place, variable in enumerate(variables)
    }
    names = {group: list(map(plain_name, variables)) for group, variables in weights.groups.items()}
    with tf.io.gfile.GFile(_path(folder), "wb") as file:
        file.write(save(tensors, metadata={"names": json.dumps(names)}))


def starting_from(
    earlier: EarlierModel | None,
    weights: Callable[[], Weights],
    interactions: TransformedStream,
    items: TransformedStream,
) -> Callable[[], None] | None:
    """What gives a built model the values of an earlier one; `None` if there is none.

    Args:
      earlier: The earlier model.
      weights: Those of the model, once it is built.
      interactions: Today's interaction stream.
      items: Today's item stream.
    """
    if earlier is None:
        return None
    now = {Stream.INTERACTIONS: interactions.transform_output, Stream.ITEMS: items.transform_output}

    def start() -> None:
        carry_over(weights(), earlier, now)

    return start


def carry_over(
    weights: Weights, earlier: EarlierModel, now: Mapping[Stream, tft.TFTransformOutput]
) -> dict[str, bool]:
    """Gives a model's variables what an earlier one learnt.

    A group whose variables are not those of the earlier model, by names and by shapes but for the rows of
    tables, keeps its fresh values, and a warning says so.

    Args:
      weights: Of a model whose layers are built.
      earlier: The earlier model.
      now: The Transform graph of each stream.

    Returns:
      Whether each group was carried over.
    """
    stored = _read(earlier.folder)
    tables = {table.variable.ref(): table for table in weights.tables}
    done = {}
    for group, variables in weights.groups.items():
        values = stored.get(group, [])
        done[group] = _fits(variables, values, tables)
        if not done[group]:
            logging.getLogger(__name__).warning(
                "%s of the last model is of another architecture, and starts anew", group
            )
            continue
        for variable, (_, value) in zip(variables, values, strict=True):
            table = tables.get(variable.ref())
            if table is not None:
                value = _rows(table, value, earlier, now)
            variable.assign(value)
    carried = ", ".join(group for group, was in done.items() if was) or "nothing"
    logging.getLogger(PROGRESS_LOGGER).info("starting from the last blessed model: %s carried over", carried)
    return done


def _path(folder: str) -> str:
    return f"{folder}/{_FILE}"


def _read(folder: str) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Group to names and values of its variables; nothing of a model that kept none."""
    if not tf.io.gfile.exists(_path(folder)):
        return {}
    with tf.io.gfile.GFile(_path(folder), "rb") as file:
        body = file.read()
    header = int.from_bytes(body[:_HEADER_BYTES], "little")
    names = json.loads(json.loads(body[_HEADER_BYTES : _HEADER_BYTES + header])["__metadata__"]["names"])
    tensors = load(body)
    return {
        group: [(name, tensors[f"{group}/{place:06d}"]) for place, name in enumerate(of_group)]
        for group, of_group in names.items()
    }


def _fits(
    variables: Sequence[tf.Variable], values: Sequence[tuple[str, np.ndarray]], tables: Mapping[object, Table]
) -> bool:
    """Whether variables are those whose values are stored; tables may have other numbers of rows."""
    if len(variables) != len(values):
        return False
    for variable, (name, value) in zip(variables, values, strict=True):
        first = 1 if variable.ref() in tables else 0
        if plain_name(variable) != name or tuple(variable.shape)[first:] != value.shape[first:]:
            return False
    return True


def _rows(
    table: Table, before: np.ndarray, earlier: EarlierModel, now: Mapping[Stream, tft.TFTransformOutput]
) -> np.ndarray:
    """A table's values: rows of words that were known, and those behind the words, from the earlier ones."""
    places, num_words = earlier.places(table, now[table.stream]), len(earlier.words(table))
    values = table.variable.numpy()
    width = values.shape[1:]
    fresh, old = (rows.reshape(-1, table.block, *width) for rows in (values, before))
    known = places >= 0
    words = fresh[: len(places)]  # a view
    words[known] = old[places[known]]
    if table.newcomers_are_unknown:
        words[~known] = old[num_words]
    others = min(len(fresh) - len(places), len(old) - num_words)
    fresh[len(places) : len(places) + others] = old[num_words : num_words + others]
    return values
