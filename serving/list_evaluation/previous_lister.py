"""The lists of the version that is served so far."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import tensorflow as tf

from serving.list_evaluation.listers import CannotAnswerError
from serving.list_evaluation.model_lister import ModelLister
from serving.list_evaluation.requests import RequestBlock

# What loading and asking raise of a model that is not there, is of another form, or knows other features.
_MISFITS = (OSError, KeyError, RuntimeError, TypeError, ValueError, tf.errors.OpError)
_MAX_REASON = 500  # characters; TensorFlow says where in its graph, then what


class PreviousLister:
    """The recommender of an earlier version, asked the requests of today.

    Its corpus is its own, so that what it answers is known by id: an item that today's corpus does not hold
    takes a place in the list and can be nobody's target; one that is new cannot be listed, which is what its
    users would see.
    """

    def __init__(self, folder: str, item_ids: pa.Array):
        """Takes a SavedModel, which is loaded when it is first asked.

        Args:
          folder: Of the SavedModel.
          item_ids: [N] strings, today's corpus.
        """
        self._folder = folder
        self._item_ids = item_ids
        self._lister: ModelLister | None = None

    def __call__(self, block: RequestBlock) -> np.ndarray:
        """Lists; see :data:`serving.list_evaluation.listers.Lister`.

        Raises:
          CannotAnswerError: It cannot be loaded, has no such signature, or does not take the requests.
        """
        import scann  # noqa: F401  (registers ScaNN's ops, in case the model holds some)

        try:
            if self._lister is None:
                model = tf.saved_model.load(self._folder)
                self._lister = ModelLister(model, self._item_ids, drops_seen=True)
            return self._lister(block)
        except _MISFITS as error:
            reason = " ".join(str(error).split())[:_MAX_REASON]
            raise CannotAnswerError(
                f"the served version does not take the requests ({type(error).__name__}: {reason})"
            ) from error
