"""The signatures of the recommender: the whole path."""

from __future__ import annotations

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, USER_ID, FeatureSet
from serving.history_request import HISTORY_SPEC, HistoryRequest
from serving.recent_events import later_events
from serving.recommender import Recommender
from serving.request_controls import CONTROL_SPECS, controls_for, controls_of_examples, to_batch
from serving.served_module import DEFAULT, ServedModule, Signatures
from serving.signature_function import EXAMPLES_SPEC, LENGTH, TIMESTAMP_SPEC, signature_function

_USERS_SPEC = tf.TensorSpec([None], tf.string, name=USER_ID)
_LENGTH_SPEC = tf.TensorSpec([None], tf.int32, name=LENGTH)


def recommender_signatures(recommender: Recommender, features: FeatureSet) -> Signatures:
    """`serving_default` and `top_k`, from complete requests; `for_histories`, from plain arrays; `for_users`
    and `user_history`, from ids of users that were known when the bundle was made; `for_sessions`, from such
    an id and plain arrays of what was done since.

    Args:
      recommender: The whole path.
      features: The declared features.

    Returns:
      The module to save, and its signatures.
    """
    request = HistoryRequest(features)

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return recommender.for_examples(examples, controls_of_examples(examples))

    def top_k(examples: tf.Tensor, **controls: tf.Tensor) -> dict[str, tf.Tensor]:
        return recommender.for_examples(examples, controls_for(tf.size(examples), controls))

    def for_users(user_id: tf.Tensor, timestamp: tf.Tensor, **controls: tf.Tensor) -> dict[str, tf.Tensor]:
        batch_size = tf.size(user_id)
        moments = to_batch(timestamp, batch_size)
        return recommender.for_users(user_id, moments, controls_for(batch_size, controls))

    def for_sessions(user_id: tf.Tensor, timestamp: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        batch_size = tf.size(user_id)
        recent = request.lists(later_events(inputs, recommender.newest_times(user_id)))
        moments = to_batch(timestamp, batch_size)
        return recommender.for_sessions(user_id, moments, recent, controls_for(batch_size, inputs))

    def for_histories(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        controls = controls_for(tf.shape(inputs[HISTORY_ITEM_IDS])[0], inputs)
        return recommender.for_requests(request.raw(inputs), controls)

    def user_history(user_id: tf.Tensor, length: tf.Tensor) -> dict[str, tf.Tensor]:
        return recommender.user_history(user_id, to_batch(length, tf.size(user_id)))

    functions = {
        DEFAULT: signature_function(serving_default, [EXAMPLES_SPEC]),
        "top_k": signature_function(top_k, [EXAMPLES_SPEC], CONTROL_SPECS),
        "for_users": signature_function(for_users, [_USERS_SPEC], [TIMESTAMP_SPEC, *CONTROL_SPECS]),
        "for_sessions": signature_function(
            for_sessions, [_USERS_SPEC, HISTORY_SPEC], [*request.optional, *CONTROL_SPECS]
        ),
        "for_histories": signature_function(
            for_histories, [HISTORY_SPEC], [*request.optional, *CONTROL_SPECS]
        ),
        "user_history": signature_function(user_history, [_USERS_SPEC], [_LENGTH_SPEC]),
    }
    return ServedModule(recommender=recommender), functions
