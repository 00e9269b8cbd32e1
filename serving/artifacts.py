"""Artifact types of our own; their names are as Kubeflow Pipelines wants them, `namespace.Title`."""

from tfx.types.artifact import Artifact


class CandidateIndex(Artifact):
    """An index over the corpus, and what was measured of it."""

    TYPE_NAME = "recstack.CandidateIndex"


class ServingBundle(Artifact):
    """The SavedModels that are served together, with their manifest."""

    TYPE_NAME = "recstack.ServingBundle"


class BundleEvaluation(Artifact):
    """Figures of a bundle, of the baselines, and the verdict of the gate."""

    TYPE_NAME = "recstack.BundleEvaluation"
