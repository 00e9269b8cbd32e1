"""A LocalDagRunner that says what it is doing."""

from __future__ import annotations

import datetime
import time
from collections.abc import Collection
from dataclasses import replace

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from pipeline.runners.peak_memory import PeakMemory
from pipeline.runners.steps import Step, StepListener


class ObservedDagRunner(LocalDagRunner):
    """Runs the nodes as LocalDagRunner does; that one tells of them only in its log, whose level
    TFX components change."""

    def __init__(self, listener: StepListener, never_reused: Collection[str] = ()):
        """Initializes the runner.

        Args:
          listener: Is told of the steps.
          never_reused: Ids of nodes that run each time, whatever ML Metadata has: those that act on
            something outside it.
        """
        super().__init__()
        self._listener = listener
        self._never_reused = frozenset(never_reused)

    def run_with_ir(
        self, pipeline: pipeline_pb2.Pipeline, run_options: pipeline_pb2.RunOptions | None = None
    ) -> None:
        """Runs a compiled pipeline; partial runs are not offered.

        Args:
          pipeline: The pipeline's intermediate representation.
          run_options: Must be left out.
        """
        if run_options is not None:
            raise ValueError("partial runs are not supported")
        run_id = datetime.datetime.now(datetime.timezone.utc).isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = deployment.metadata_connection_config
        connection = getattr(connection, connection.WhichOneof("connection_config"))
        nodes = [node.pipeline_node for node in pipeline.nodes]
        self._listener.planned([node.node_info.id for node in nodes])
        for node in nodes:
            node_id = node.node_info.id
            if node_id in self._never_reused:
                node.execution_options.caching_options.enable_cache = False
            self._listener.started(node_id)
            since = time.monotonic()
            with PeakMemory() as memory:
                execution = launcher.Launcher(
                    pipeline_node=node,
                    mlmd_connection=metadata.Metadata(connection),
                    pipeline_info=pipeline.pipeline_info,
                    pipeline_runtime_spec=pipeline.runtime_spec,
                    executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
                    custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
                ).launch()
            seconds = time.monotonic() - since
            step = _step(connection, node_id, seconds, execution.execution_id)
            self._listener.finished(replace(step, peak_rss_bytes=memory.bytes))


def _step(
    connection: metadata_store_pb2.ConnectionConfig, node_id: str, seconds: float, execution_id: int
) -> Step:
    """What ML Metadata knows of a finished execution."""
    with metadata.Metadata(connection) as handle:
        (execution,) = handle.store.get_executions_by_id([execution_id])
        events = handle.store.get_events_by_execution_ids([execution_id])
        names = {
            event.artifact_id: event.path.steps[0].key
            for event in events
            if event.type == metadata_store_pb2.Event.OUTPUT
        }
        artifacts = handle.store.get_artifacts_by_id(list(names))
    reused = execution.last_known_state == metadata_store_pb2.Execution.CACHED
    return Step(node_id, seconds, reused, {names[artifact.id]: artifact.uri for artifact in artifacts})
