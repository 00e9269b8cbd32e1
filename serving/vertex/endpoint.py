"""The steps from a pushed version to requests that it answers on Vertex AI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.config.endpoint import EndpointConfig
from pipeline.errors import InputError
from serving.vertex.requests import (
    deploy_request,
    endpoint_request,
    split_request,
    undeploy_request,
    upload_request,
)
from serving.vertex.service import Service


@dataclass(frozen=True)
class Deployed:
    """A version on the endpoint.

    Attributes:
      version: Id on the endpoint: the number in the bundle.
      share: Percent of the requests.
      replicas: As few and as many as there may be.
      machine: Type of a replica.
    """

    version: str
    share: int
    replicas: tuple[int, int]
    machine: str


def upload(service: Service, config: EndpointConfig, version: int, digest: str, artifacts: str) -> None:
    """Makes a bundle's version a version of the model in Vertex AI.

    Args:
      service: Who is asked.
      config: Where and how.
      version: Number in the bundle.
      digest: Of its manifest.
      artifacts: See :func:`serving.vertex.requests.upload_request`.

    Raises:
      InputError: `artifacts` is no folder in Google Cloud Storage, or Vertex AI refuses.
    """
    first = not service.has_model(config.model_name)
    service.send(upload_request(config, version, digest, artifacts, first=first))


def deploy(service: Service, config: EndpointConfig, version: int) -> bool:
    """Puts an uploaded version on the endpoint, which is made if there is none.

    Returns:
      Whether it is the first one there, and gets every request; a later one gets none until it is given some.

    Raises:
      InputError: The version was not uploaded, or Vertex AI refuses.
    """
    endpoint = service.endpoint(config.endpoint_name)
    if endpoint is None:
        service.send(endpoint_request(config))
    first = endpoint is None or not endpoint.deployed_models
    service.send(deploy_request(config, version, first=first))
    return first


def split(service: Service, config: EndpointConfig, shares: Mapping[int, int]) -> None:
    """Gives deployed versions their shares of the requests, at once.

    Args:
      service: Who is asked.
      config: Where.
      shares: Version to percent, 100 in sum.

    Raises:
      InputError: The sum is another, or a version is not deployed.
    """
    service.send(split_request(config, shares))


def undeploy(service: Service, config: EndpointConfig, version: int) -> None:
    """Takes a version that gets no requests off the endpoint; the model keeps it.

    Raises:
      InputError: It is not there, or gets requests beside another.
    """
    service.send(undeploy_request(config, version))


def deployed_versions(service: Service, config: EndpointConfig) -> list[Deployed]:
    """What is on the endpoint, by number.

    Raises:
      InputError: There is no endpoint.
    """
    endpoint = service.endpoint(config.endpoint_name)
    if endpoint is None:
        raise InputError(
            f"there is no endpoint {config.endpoint_name}; make it with `recstack endpoint deploy`"
        )
    versions = [
        Deployed(
            model.id,
            endpoint.traffic_split.get(model.id, 0),
            (model.dedicated_resources.min_replica_count, model.dedicated_resources.max_replica_count),
            model.dedicated_resources.machine_spec.machine_type,
        )
        for model in endpoint.deployed_models
    ]
    return sorted(versions, key=lambda deployed: (len(deployed.version), deployed.version))
