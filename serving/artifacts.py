"""Artifact types of our own."""

from tfx.types.artifact import Artifact


class CandidateIndex(Artifact):
    """An index over the corpus, and what was measured of it."""

    TYPE_NAME = "CandidateIndex"


class ServingBundle(Artifact):
    """The SavedModels that are served together, with their manifest."""

    TYPE_NAME = "ServingBundle"


class BundleEvaluation(Artifact):
    """Figures of a bundle, of the baselines, and the verdict of the gate."""

    TYPE_NAME = "BundleEvaluation"
