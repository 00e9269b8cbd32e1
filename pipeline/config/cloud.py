"""Where the pipeline runs when it does not run on this machine."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from pipeline.config.base import Frozen
from pipeline.config.images import PinnedImage

OBJECT_STORES = ("gs://", "s3://")


def object_uri(value: str) -> str:
    """An address in an object store, without a slash at its end.

    Raises:
      ValueError: It is none.
    """
    if not value.startswith(OBJECT_STORES) or not value.split("://", 1)[1].strip("/"):
        raise ValueError(f"must be an address in an object store, gs://... or s3://..., not '{value}'")
    return value.rstrip("/")


class StepResources(Frozen):
    """What a step's container asks for.

    Attributes:
      cpu: Cores.
      memory_gb: Memory, in gigabytes.
    """

    cpu: float = Field(default=4, gt=0)
    memory_gb: float = Field(default=16, gt=0)


class TrainersConfig(StepResources):
    """The machines of the steps that train by gradient: on Vertex AI they are custom jobs.

    Attributes:
      machine_type: Of Vertex AI. Kubeflow goes by `cpu` and `memory_gb` instead.
      accelerator: Vertex AI's name of the accelerator, such as `NVIDIA_TESLA_T4`, or the resource that
        Kubernetes gives out, such as `nvidia.com/gpu`; by default none.
      accelerator_count: Of one machine.
      replicas: Machines that train together; see `training.distribution`. Vertex AI only.
      node_selector: Labels of the nodes that may train. Kubeflow only.
    """

    machine_type: str = "n1-standard-8"
    accelerator: str | None = Field(default=None, min_length=1)
    accelerator_count: int = Field(default=1, ge=1)
    replicas: int = Field(default=1, ge=1)
    node_selector: dict[str, str] = Field(default_factory=dict)


class DataflowConfig(Frozen):
    """The Beam steps as Dataflow jobs.

    Attributes:
      temp_location: For Dataflow's own files, `gs://...`; by default `temp` under the pipeline's root.
      machine_type: Of a worker; by default Dataflow chooses.
      max_workers: Workers of a step at most.
      subnetwork: Of the workers, as Dataflow writes it; by default the project's.
      public_ips: Whether workers have public addresses.
    """

    temp_location: str | None = Field(default=None, pattern=r"^gs://.")
    machine_type: str | None = Field(default=None, min_length=1)
    max_workers: int = Field(default=10, ge=1)
    subnetwork: str | None = Field(default=None, min_length=1)
    public_ips: bool = True


class CloudConfig(Frozen):
    """Kubeflow Pipelines or Vertex AI Pipelines, and what a run there needs.

    Attributes:
      image: Container image that has this package, pinned: by its digest, or by a tag that is not `latest`.
      root: Address in an object store, `gs://...` or `s3://...`, of everything that runs write.
      destination: Where versions are pushed to; by default `bundle` under `root`.
      project: Google Cloud project; Vertex AI and Dataflow need it.
      region: Google Cloud region; likewise.
      service_account: Whom a run acts as: an e-mail address for Vertex AI and Dataflow, the name of a
        Kubernetes service account for Kubeflow. By default the platform's own.
      host: Address of the API of Kubeflow Pipelines, `https://...`.
      network: Full name of the network that Vertex AI peers with; by default none.
      labels: Of Vertex AI's job.
      served_requests: Address of logged requests, in the place of `validation.served_requests`.
      steps: Of a step that is not named in `step_resources`.
      step_resources: Node id, such as `Bundler`, to what that step asks for.
      trainers: Of the steps that train by gradient.
      dataflow: Runs the Beam steps on Dataflow; by default each runs in its own container, by `beam`.
    """

    image: PinnedImage
    root: str
    destination: str | None = None
    project: str | None = Field(default=None, min_length=1)
    region: str | None = Field(default=None, min_length=1)
    service_account: str | None = Field(default=None, min_length=1)
    host: str | None = Field(default=None, pattern=r"^https?://.")
    network: str | None = Field(default=None, min_length=1)
    labels: dict[str, str] = Field(default_factory=dict)
    served_requests: str | None = None
    steps: StepResources = StepResources()
    step_resources: dict[str, StepResources] = Field(default_factory=dict)
    trainers: TrainersConfig = TrainersConfig()
    dataflow: DataflowConfig | None = None

    @field_validator("root", "destination", "served_requests")
    @classmethod
    def _in_an_object_store(cls, value: str | None) -> str | None:
        return None if value is None else object_uri(value)

    @model_validator(mode="after")
    def _dataflow_has_what_it_needs(self) -> CloudConfig:
        if self.dataflow is not None:
            self.need("dataflow", "project", "region")
            if not self.root.startswith("gs://"):
                raise ValueError(f"dataflow reads and writes gs://... only, and root is {self.root}")
        return self

    @property
    def push_destination(self) -> str:
        """Where versions are pushed to."""
        return self.destination or f"{self.root}/bundle"

    def need(self, who: str, *names: str) -> None:
        """Checks that settings are there.

        Args:
          who: Who needs them, for the message.
          *names: The settings.

        Raises:
          ValueError: One is missing.
        """
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{who} needs {' and '.join(f'cloud.{name}' for name in missing)}")

    def resources_of(self, node_id: str, trains: bool) -> StepResources:
        """What a step asks for.

        Args:
          node_id: The step.
          trains: Whether it trains by gradient.
        """
        default: Any = self.trainers if trains else self.steps
        return self.step_resources.get(node_id, default)
