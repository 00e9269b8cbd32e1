"""Examples to trained models: text tower, two towers, ranking, collaborative filtering."""

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
