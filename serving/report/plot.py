"""A plot as SVG that stands in a page: its text is text, its lines take the page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart without colour vision too, and on white as on black (after Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7f7f7f", "#8c564b")
# No plot is drawn in these: the page's own take their place.
_INK, _RULE = "#010203", "#020304"
_REM_PER_INCH = 6
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


class Plot:
    """A Matplotlib figure of one or more plots, in a `with` block that draws them.

    Attributes:
      axes: One a plot, from left to right.
    """

    def __init__(self, name: str, label: str, plots: int = 1, width: float = 7.0, height: float = 3.6):
        """Makes room.

        Args:
          name: Of the figure; unique in a page.
          label: What it shows, for those who do not see it.
          plots: How many stand in a row.
          width: Of the figure, in inches.
          height: Likewise.
        """
        self._name, self._label = name, label
        self._plots, self._size = plots, (width, height)
        self._stack = ExitStack()
        self._titles: dict[str, Sequence[str]] = {}
        self.axes: list[Axes] = []

    def __enter__(self) -> Plot:
        import matplotlib as mpl
        from matplotlib.figure import Figure

        self._stack.enter_context(mpl.rc_context(_settings(self._name)))
        self._figure = Figure(figsize=self._size, layout="constrained")
        self.axes = list(self._figure.subplots(1, self._plots, squeeze=False)[0])
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def explain(self, collection: Any, titles: Sequence[str]) -> None:
        """Gives each point of a scatter plot a tooltip.

        Args:
          collection: What `Axes.scatter` returned.
          titles: One a point.
        """
        group = f"points{len(self._titles)}"
        collection.set_gid(group)
        self._titles[group] = titles

    def svg(self) -> str:
        """The figure as an SVG element."""
        buffer = io.StringIO()
        unknown = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        self._figure.savefig(buffer, format="svg", metadata=unknown, transparent=True)
        text = re.sub(r"^.*?(?=<svg )", "", buffer.getvalue(), flags=re.DOTALL)
        return self._finished(ElementTree.fromstring(text))

    def _finished(self, root: ElementTree.Element) -> str:
        """With tooltips, ids of its own, the page's colours and width."""
        for group, titles in self._titles.items():
            points = root.findall(f".//*[@id='{group}']//{{{_SVG}}}use")
            for point, title in zip(points, titles, strict=True):
                ElementTree.SubElement(point, f"{{{_SVG}}}title").text = title
        root.set("role", "img")
        root.set("aria-label", self._label)
        root.attrib.pop("width", None)
        root.attrib.pop("height", None)
        root.set("style", f"max-width: {self._size[0] * _REM_PER_INCH:g}rem")
        ElementTree.register_namespace("", _SVG)
        ElementTree.register_namespace("xlink", _XLINK)
        for element in root.iter():
            for key, value in list(element.attrib.items()):
                element.set(key, self._own(key, value))
        text = ElementTree.tostring(root, encoding="unicode")
        return text.replace(_INK, "currentColor").replace(_RULE, "var(--rule)")

    def _own(self, key: str, value: str) -> str:
        """An attribute whose ids, and references to such, are this figure's own."""
        if key == "id":
            return f"{self._name}-{value}"
        if key.endswith("href") and value.startswith("#"):
            return f"#{self._name}-{value[1:]}"
        return re.sub(r"url\(#", f"url(#{self._name}-", value)


def _settings(name: str) -> dict[str, Any]:
    """Matplotlib's settings for a figure."""
    from cycler import cycler

    ink = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(ink, _INK),
        "axes.edgecolor": _RULE,
        "grid.color": _RULE,
        "legend.frameon": False,
        "legend.fontsize": "small",
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": "medium",
        "axes.prop_cycle": cycler(color=COLOURS),
        "font.family": "sans-serif",
        "svg.fonttype": "none",
        "svg.hashsalt": name,
    }
