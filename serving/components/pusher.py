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
    """Pushes; see :func:`serving.push.push`, and :func:`serving.push_objects.push_objects` for a
    destination in an object store. `serving` is a :class:`ServingConfig` as JSON.

    Raises:
      GateError: The bundle was not blessed; what is served stays as it is.
    """
    from pathlib import Path

    from pipeline.config.serving import ServingConfig
    from pipeline.errors import GateError
    from pipeline.object_store import is_remote
    from serving.gate import read_evaluation
    from serving.overall_figures import overall_figures
    from serving.push import push
    from serving.push_objects import push_objects

    judged = read_evaluation(evaluation.uri)
    if not blessing.get_int_custom_property("blessed"):
        raise GateError(
            "the gate refused the new version; what is served stays as it is:\n  "
            + "\n  ".join(judged.reasons)
        )
    settings = ServingConfig.model_validate_json(serving)
    folder, figures = Path(bundle.uri), overall_figures(judged)
    if is_remote(destination):
        version = push_objects(folder, destination, figures, settings)
    else:
        version = push(folder, Path(destination), figures, settings)
    pushed.set_string_custom_property("pushed_version", str(version))
    pushed.set_string_custom_property("pushed_destination", destination)
