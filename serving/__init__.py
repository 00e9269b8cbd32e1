"""Models to answers: the index, the bundle and its signatures."""

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
