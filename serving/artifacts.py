"""Artifact types of our own."""

from tfx import v1 as tfx


class CandidateIndex(tfx.dsl.Artifact):
    """An index over the corpus, and what was measured of it."""

    TYPE_NAME = "CandidateIndex"


class ServingBundle(tfx.dsl.Artifact):
    """The SavedModels that are served together, with their manifest."""

    TYPE_NAME = "ServingBundle"


class BundleEvaluation(tfx.dsl.Artifact):
    """Figures of a bundle, of the baselines, and the verdict of the gate."""

    TYPE_NAME = "BundleEvaluation"
