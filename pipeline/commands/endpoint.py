"""`recstack endpoint`: a bundle's versions on Vertex AI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pipeline.config.endpoint import EndpointConfig
from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.errors import InputError
from serving.layout import version_dir, versions
from serving.manifest import read_digest
from serving.tf_serving.labels import read_labels
from serving.vertex import endpoint as vertex
from serving.vertex.service import DryRun, VertexService

if TYPE_CHECKING:
    from serving.vertex.service import Service


def upload_version(config: RunConfig, artifacts: str, version: int | None, dry_run: bool) -> None:
    """Makes a pushed version a version of the model in Vertex AI, and says so.

    Args:
      config: With the section `endpoint`.
      artifacts: `gs://` folder of the version's files.
      version: Number in the bundle; by default that of the canary.
      dry_run: Whether the requests are shown instead of sent.

    Raises:
      InputError: There is no such version, or Vertex AI refuses.
    """
    settings = _settings(config)
    number = _number(config.bundle_dir, version)
    digest = read_digest(version_dir(config.bundle_dir, number))
    vertex.upload(_service(settings, dry_run), settings, number, digest, artifacts)
    _tell(dry_run, f"uploaded: version {number} is {settings.id}@v{number}")


def deploy_version(config: RunConfig, version: int | None, dry_run: bool) -> None:
    """Puts an uploaded version on the endpoint, and says what it gets.

    Args:
      config: With the section `endpoint`.
      version: Number in the bundle; by default that of the canary.
      dry_run: Whether the requests are shown instead of sent.

    Raises:
      InputError: It was not uploaded, or Vertex AI refuses.
    """
    settings = _settings(config)
    number = _number(config.bundle_dir, version)
    first = vertex.deploy(_service(settings, dry_run), settings, number)
    gets = "every request" if first else "no request yet: give it a share with `recstack endpoint split`"
    _tell(dry_run, f"deployed: version {number} gets {gets}")


def split_requests(config: RunConfig, shares: list[str], dry_run: bool) -> None:
    """Gives versions their shares of the requests.

    Args:
      config: With the section `endpoint`.
      shares: `VERSION=PERCENT` each.
      dry_run: Whether the request is shown instead of sent.

    Raises:
      InputError: They are malformed, do not sum to 100, or Vertex AI refuses.
    """
    settings = _settings(config)
    read = [_share(text) for text in shares]
    if len(dict(read)) < len(read):
        raise InputError("a version is named twice; name each once, as in 3=90 4=10")
    vertex.split(_service(settings, dry_run), settings, dict(read))
    _tell(dry_run, "shares: " + ", ".join(f"version {version} {share}%" for version, share in read))


def undeploy_version(config: RunConfig, version: int, dry_run: bool) -> None:
    """Takes a version off the endpoint.

    Raises:
      InputError: It gets requests, is not there, or Vertex AI refuses.
    """
    settings = _settings(config)
    vertex.undeploy(_service(settings, dry_run), settings, version)
    _tell(dry_run, f"undeployed: version {version}; the model {settings.id} keeps it")


def show_endpoint(config: RunConfig) -> None:
    """Shows which versions answer, and how much each.

    Raises:
      InputError: There is no endpoint, or Vertex AI refuses.
    """
    settings = _settings(config)
    table = Table("version", "share", "replicas", "machine", box=None)
    for deployed in vertex.deployed_versions(_service(settings, dry_run=False), settings):
        least, most = deployed.replicas
        table.add_row(deployed.version, f"{deployed.share}%", f"{least} - {most}", deployed.machine)
    out.print(settings.endpoint_name)
    out.print(table)


def _settings(config: RunConfig) -> EndpointConfig:
    if config.endpoint is None:
        raise InputError("the configuration has no section endpoint: see docs/vertex-endpoint.md for one")
    return config.endpoint


def _service(settings: EndpointConfig, dry_run: bool) -> Service:
    return DryRun(_show) if dry_run else VertexService.connect(settings.region, settings.timeout_minutes * 60)


def _number(bundle: Path, version: int | None) -> int:
    """A version that the bundle has; that of the canary by default."""
    there = versions(bundle)
    if version is None:
        labels = read_labels(bundle)
        if labels is None:
            raise InputError(f"no version in {bundle} has a label; push one with `recstack run`")
        return labels.canary
    if version not in there:
        raise InputError(f"{bundle} has no version {version}; it has {', '.join(map(str, there)) or 'none'}")
    return version


def _share(text: str) -> tuple[int, int]:
    version, _, share = text.partition("=")
    if not (version.isdecimal() and share.isdecimal()):
        raise InputError(f"'{text}' is no share: say VERSION=PERCENT, as in 3=90 4=10")
    return int(version), int(share)


def _show(request: dict[str, Any]) -> None:
    out.print(json.dumps(request, indent=2), markup=False)


def _tell(dry_run: bool, text: str) -> None:
    if not dry_run:
        out.print(text)
