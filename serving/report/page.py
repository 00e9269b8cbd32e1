"""A page of sections as one HTML file that needs no other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.errors import InputError
from pipeline.files import replaced
from serving.report.blocks import Section

_TEMPLATES = Path(__file__).parent / "templates"
_PAGE = "page.html.j2"


def render_page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """HTML of a page, style and plots included; whatever comes from data is escaped.

    Args:
      title: Its heading.
      subtitle: A line below.
      sections: From top to bottom.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    foot = f"Made by recstack {program_version()}."
    return environment.get_template(_PAGE).render(
        title=title, subtitle=subtitle, sections=sections, foot=foot
    )


def program_version() -> str:
    """The installed version of this program."""
    try:
        return version("recstack")
    except PackageNotFoundError:
        return "(not installed)"


def write_file(path: Path, text: str) -> None:
    """Writes a text file whole.

    Raises:
      InputError: It cannot be written.
    """
    try:
        with replaced(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
