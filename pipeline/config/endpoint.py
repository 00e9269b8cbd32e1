"""Configuration of a Vertex AI endpoint that serves the bundle's versions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.config.base import Frozen
from pipeline.config.images import PinnedImage


class EndpointConfig(Frozen):
    """Where and how Vertex AI serves one of the bundle's models.

    Attributes:
      project: Id or number of the Google Cloud project.
      region: Of the endpoint and of the model's files, as in `europe-west4`.
      id: Of the endpoint and of the model in Vertex AI; each bundle version is a version of that model.
      model: Which of the bundle's models; Vertex AI knows one a container.
      image: TensorFlow Serving, in Artifact Registry: the stock image for files of the variant `exact`.
      machine_type: Of a replica.
      accelerator_type: As Vertex AI spells it, as in `NVIDIA_TESLA_T4`; the stock image has no use for one.
      accelerator_count: Of a replica.
      min_replicas: Of each deployed version; Vertex AI does not scale to none.
      max_replicas: Likewise.
      cpu_target: Use of the processors, in percent, above which replicas are added.
      service_account: E-mail address of what the container runs as; by default Vertex AI's own account.
      timeout_minutes: How long a command waits for Vertex AI to be done.
    """

    project: str = Field(pattern=r"^([a-z][a-z0-9.:-]{4,}[a-z0-9]|\d+)$")
    region: str = Field(pattern=r"^[a-z]+-[a-z]+\d+$")
    id: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")
    model: Literal["retrieval", "ranking", "recommender"] = "recommender"
    image: PinnedImage
    machine_type: str = Field(default="n1-standard-4", pattern=r"^[a-z0-9-]+$")
    accelerator_type: str | None = Field(default=None, pattern=r"^[A-Z0-9_]+$")
    accelerator_count: int = Field(default=1, ge=1)
    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=2, ge=1)
    cpu_target: int = Field(default=60, ge=1, le=100)
    service_account: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    timeout_minutes: float = Field(default=60.0, gt=0)

    @field_validator("image")
    @classmethod
    def _image_is_where_vertex_looks(cls, image: str) -> str:
        if not image.split("/")[0].endswith("-docker.pkg.dev"):
            raise ValueError(
                f"Vertex AI takes images from Artifact Registry (REGION-docker.pkg.dev/...), not '{image}'"
            )
        return image

    @model_validator(mode="after")
    def _replicas_grow(self) -> EndpointConfig:
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas, {self.max_replicas}, is below min_replicas, {self.min_replicas}")
        return self

    @property
    def location(self) -> str:
        """Resource name of everything in the region."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def endpoint_name(self) -> str:
        """Resource name of the endpoint."""
        return f"{self.location}/endpoints/{self.id}"

    @property
    def model_name(self) -> str:
        """Resource name of the model, whose versions are those of the bundle."""
        return f"{self.location}/models/{self.id}"
