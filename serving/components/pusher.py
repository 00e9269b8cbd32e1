"""Pushes a blessed bundle to where servers find it."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ModelBlessing, PushedModel

from serving.artifacts import BundleEvaluation, ServingBundle


@component
def Pusher(  # noqa: N802  (a TFX component)
    bundle: InputArtifact[ServingBundle],
    evaluation: InputArtifact[BundleEvaluation],
    blessing: InputArtifact[ModelBlessing],
    pushed: OutputArtifact[PushedModel],
    destination: Parameter[str],
    serving: Parameter[str],
) -> None:
    """Pushes; see :func:`serving.push.push`. `serving` is a :class:`ServingConfig` as JSON.

    Raises:
      GateError: The bundle was not blessed; what is served stays as it is.
    """
    from pathlib import Path

    from pipeline.config.serving import ServingConfig
    from pipeline.errors import GateError
    from serving.gate import read_evaluation
    from serving.overall_figures import overall_figures
    from serving.push import push

    judged = read_evaluation(evaluation.uri)
    if not blessing.get_int_custom_property("blessed"):
        raise GateError(
            "the gate refused the new version; what is served stays as it is:\n  "
            + "\n  ".join(judged.reasons)
        )
    settings = ServingConfig.model_validate_json(serving)
    version = push(Path(bundle.uri), Path(destination), overall_figures(judged), settings)
    pushed.set_string_custom_property("pushed_version", str(version))
    pushed.set_string_custom_property("pushed_destination", destination)
