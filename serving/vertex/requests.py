"""What Vertex AI is asked, as its own messages; nothing is sent from here.

Vertex AI lets its users name things, so that none of its numbers need be kept: version N of a bundle is the
alias `vN` of the model, and N itself on the endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.config.endpoint import EndpointConfig
from pipeline.errors import InputError

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1

REST_PORT = 8501
_WHOLE = 100
_ITSELF = "0"  # how a request that deploys a version speaks of it
_DIGEST_LENGTH = 16
_CPU_METRIC = "aiplatform.googleapis.com/prediction/online/cpu/utilization"


def container_spec(config: EndpointConfig) -> aiplatform_v1.ModelContainerSpec:
    """TensorFlow Serving as Vertex AI starts it.

    Vertex AI puts its port and the copy of the model's files into the variables that the arguments name.
    """
    from google.cloud import aiplatform_v1

    route = f"/v1/models/{config.model}"
    return aiplatform_v1.ModelContainerSpec(
        image_uri=config.image,
        command=["/usr/bin/tensorflow_model_server"],
        args=[
            "--rest_api_port=$(AIP_HTTP_PORT)",
            f"--model_name={config.model}",
            "--model_base_path=$(AIP_STORAGE_URI)",
        ],
        ports=[aiplatform_v1.Port(container_port=REST_PORT)],
        predict_route=f"{route}:predict",
        health_route=route,
    )


def upload_request(
    config: EndpointConfig, version: int, digest: str, artifacts: str, *, first: bool
) -> aiplatform_v1.UploadModelRequest:
    """Makes a bundle's version a version of the model.

    Args:
      config: Where and how.
      version: Number in the bundle.
      digest: Of the bundle's manifest; it goes into a label.
      artifacts: `gs://` folder that holds the version's own folder, `N/saved_model.pb`, and no other.
      first: Whether Vertex AI does not have the model yet.

    Raises:
      InputError: `artifacts` is no such address.
    """
    from google.cloud import aiplatform_v1

    if not re.fullmatch(r"gs://[a-z0-9][a-z0-9._-]+[a-z0-9](/[^\s*?\[\]#]+)?", artifacts):
        raise InputError(
            f"--artifacts must be a folder in Google Cloud Storage, gs://BUCKET/FOLDER, not {artifacts}"
        )
    model = aiplatform_v1.Model(
        display_name=config.id,
        version_description=f"version {version} of the bundle, {config.model}",
        version_aliases=[alias_of(version)],
        artifact_uri=artifacts.rstrip("/"),
        container_spec=container_spec(config),
        labels={"bundle-version": str(version), "bundle-digest": digest[:_DIGEST_LENGTH]},
    )
    request = aiplatform_v1.UploadModelRequest(parent=config.location, model=model)
    if first:
        request.model_id = config.id
    else:
        request.parent_model = config.model_name
    return request


def endpoint_request(config: EndpointConfig) -> aiplatform_v1.CreateEndpointRequest:
    """Makes the endpoint."""
    from google.cloud import aiplatform_v1

    return aiplatform_v1.CreateEndpointRequest(
        parent=config.location,
        endpoint=aiplatform_v1.Endpoint(display_name=config.id),
        endpoint_id=config.id,
    )


def deploy_request(config: EndpointConfig, version: int, *, first: bool) -> aiplatform_v1.DeployModelRequest:
    """Puts an uploaded version on the endpoint.

    Args:
      config: Where and how.
      version: Number in the bundle.
      first: Whether the endpoint has none yet: then this one gets every request, and otherwise none.

    Raises:
      InputError: Vertex AI has no such accelerator.
    """
    from google.cloud import aiplatform_v1

    deployed = aiplatform_v1.DeployedModel(
        id=str(version),
        model=f"{config.model_name}@{alias_of(version)}",
        display_name=f"{config.id} {alias_of(version)}",
        dedicated_resources=aiplatform_v1.DedicatedResources(
            machine_spec=_machine(config),
            min_replica_count=config.min_replicas,
            max_replica_count=config.max_replicas,
            autoscaling_metric_specs=[
                aiplatform_v1.AutoscalingMetricSpec(metric_name=_CPU_METRIC, target=config.cpu_target)
            ],
        ),
    )
    if config.service_account is not None:
        deployed.service_account = config.service_account
    return aiplatform_v1.DeployModelRequest(
        endpoint=config.endpoint_name,
        deployed_model=deployed,
        traffic_split={_ITSELF: _WHOLE} if first else {},
    )


def split_request(config: EndpointConfig, shares: Mapping[int, int]) -> aiplatform_v1.UpdateEndpointRequest:
    """Gives versions their shares of the requests.

    Args:
      config: Where.
      shares: Version to percent; a deployed version that is not named gets none.

    Raises:
      InputError: The shares are not those of a whole.
    """
    from google.cloud import aiplatform_v1
    from google.protobuf.field_mask_pb2 import FieldMask

    if any(share < 0 for share in shares.values()) or sum(shares.values()) != _WHOLE:
        given = " + ".join(str(share) for share in shares.values()) or "none"
        raise InputError(f"shares must be 0 or more and sum to {_WHOLE}; {given} do not")
    split = {str(version): share for version, share in shares.items() if share}
    return aiplatform_v1.UpdateEndpointRequest(
        endpoint=aiplatform_v1.Endpoint(name=config.endpoint_name, traffic_split=split),
        update_mask=FieldMask(paths=["traffic_split"]),
    )


def undeploy_request(config: EndpointConfig, version: int) -> aiplatform_v1.UndeployModelRequest:
    """Takes a version off the endpoint."""
    from google.cloud import aiplatform_v1

    return aiplatform_v1.UndeployModelRequest(endpoint=config.endpoint_name, deployed_model_id=str(version))


def alias_of(version: int) -> str:
    """What the model calls a bundle's version; `@vN` after its name leads there."""
    return f"v{version}"


def _machine(config: EndpointConfig) -> aiplatform_v1.MachineSpec:
    from google.cloud import aiplatform_v1

    kinds: Any = aiplatform_v1.AcceleratorType  # an enumeration of proto-plus
    machine = aiplatform_v1.MachineSpec(machine_type=config.machine_type)
    if config.accelerator_type is not None:
        try:
            machine.accelerator_type = kinds[config.accelerator_type]
        except KeyError:
            there = ", ".join(kind.name for kind in kinds if kind.value)
            raise InputError(
                f"endpoint.accelerator_type: there is no {config.accelerator_type}; there are {there}"
            ) from None
        machine.accelerator_count = config.accelerator_count
    return machine
