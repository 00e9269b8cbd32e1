"""Downloads that go on where they stopped, and that are what they should be."""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from pipeline.errors import InputError

_CHUNK = 1 << 16
_TIMEOUT_SECONDS = 30
_ATTEMPTS = 5  # in a row, without a new byte
_FIRST_PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class Connection:
    """How servers are reached.

    Attributes:
      verify: Whether certificates are verified, or the file to verify them with.
      proxy: Address of a proxy; by default the environment's.
    """

    verify: str | bool = True
    proxy: str | None = None

    @property
    def proxies(self) -> dict[str, str]:
        """The proxy of each scheme, as `requests` takes them."""
        return {"http": self.proxy, "https": self.proxy} if self.proxy else {}


def download(url: str, part: Path, name: str, sha256: str, connection: Connection | None = None) -> None:
    """Downloads a file to `part`, going on where an earlier download stopped, and verifies it.

    Args:
      url: `http`, `https` or `file`.
      part: The file to write; it stays if the download is cut, and goes if the digest is wrong.
      name: What people call the file.
      sha256: Its digest in hexadecimal.
      connection: How the server is reached.

    Raises:
      InputError: The file cannot be had, or the digest is wrong.
      OSError: `part` cannot be written.
    """
    parsed = urlparse(url)
    if parsed.scheme == "file":
        source = Path(unquote(parsed.path))
        if not source.is_file():
            raise InputError(f"cannot fetch {name}: there is no file {source}")
        shutil.copyfile(source, part)
    else:
        _download_with_retries(url, part, name, connection or Connection())
    found = _sha256(part)
    if found != sha256:
        part.unlink()
        raise InputError(
            f"{name} has SHA-256 {found}, not {sha256}; the download was deleted\n"
            "run again, and if it recurs check what pip's index settings point to"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _download_with_retries(url: str, part: Path, name: str, connection: Connection) -> None:
    """Asks again for what is missing until the file is whole."""
    failures = 0
    while True:
        before = _size(part)
        try:
            _download_rest(url, part, name, connection)
            return
        except requests.RequestException as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures == _ATTEMPTS or _is_final(error):
                raise InputError(
                    f"cannot download {name}: {_reason(error)}\n"
                    f"check the network, and run again; {_size(part):,} bytes are kept"
                ) from error
            logging.getLogger(__name__).warning("%s: %s; trying again", name, _reason(error))
            time.sleep(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _is_final(error: requests.RequestException) -> bool:
    """Whether asking again is in vain: the server understood and refused."""
    too_busy = (requests.codes.request_timeout, requests.codes.too_many_requests)
    response = error.response
    return response is not None and 400 <= response.status_code < 500 and response.status_code not in too_busy


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the address, which may hold a password."""
    if error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    return f"the connection failed ({type(error).__name__})"


def _download_rest(url: str, part: Path, name: str, connection: Connection) -> None:
    """One request for the bytes that `part` does not have yet."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(
        url,
        headers=headers,
        stream=True,
        timeout=_TIMEOUT_SECONDS,
        verify=connection.verify,
        proxies=connection.proxies,
    ) as response:
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is missing
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            have = 0  # the server sends the whole file whatever it was asked for
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file, _progress() as progress:
            task = progress.add_task(f"fetching {name}", total=total, completed=have)
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                progress.advance(task, len(chunk))
    if total is not None and _size(part) < total:
        raise requests.ConnectionError("the server closed the connection too early")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
