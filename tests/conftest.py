"""What every test needs before anything else is imported."""

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
