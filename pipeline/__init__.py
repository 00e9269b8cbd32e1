"""Raw data to clean, validated, transformed examples, and the graph that runs it all."""

import os

# TensorFlow Recommenders needs Keras 2. TensorFlow reads the switch when it is first imported, and
# Beam workers and other subprocesses inherit it, so it is set where every process of ours passes.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
