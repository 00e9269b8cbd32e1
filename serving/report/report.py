"""The report of a run: all its sections, on one page."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pipeline.progress import PROGRESS_LOGGER
from serving.report.anomalies import anomalies_section
from serving.report.blocks import MissingError, Section, Text
from serving.report.calibration import calibration_section
from serving.report.data_section import data_section
from serving.report.embedding_map import embedding_section
from serving.report.example_users import users_section
from serving.report.index_curve import index_section
from serving.report.learning_curves import learning_curves_section
from serving.report.lineage_section import lineage_section
from serving.report.metrics import metrics_section
from serving.report.page import render_page
from serving.report.run_files import RunFiles
from serving.report.steps_section import steps_section
from serving.report.verdict import verdict_section

# Anchor, heading, and what makes it.
SECTIONS: tuple[tuple[str, str, Callable[[RunFiles], Section]], ...] = (
    ("verdict", "Verdict", verdict_section),
    ("data", "Data", data_section),
    ("anomalies", "Anomalies", anomalies_section),
    ("curves", "Learning curves", learning_curves_section),
    ("metrics", "Metrics", metrics_section),
    ("index", "Index", index_section),
    ("calibration", "Calibration", calibration_section),
    ("map", "Map of the items", embedding_section),
    ("users", "Recommendations", users_section),
    ("steps", "Time and memory", steps_section),
    ("lineage", "Lineage", lineage_section),
)


def report_page(run: RunFiles) -> str:
    """HTML of a run's report; a section whose data are missing says so."""
    began = run.run.name[:16].replace("T", " ")
    return render_page(f"Report: {run.name}", f"Run of {began} UTC", sections_of(run))


def sections_of(run: RunFiles) -> list[Section]:
    """All sections."""
    return [_section(run, *section) for section in SECTIONS]


def _section(run: RunFiles, name: str, title: str, make: Callable[[RunFiles], Section]) -> Section:
    """A section, or one that says what is missing."""
    logging.getLogger(PROGRESS_LOGGER).info("report: %s", title.lower())
    try:
        return make(run)
    except MissingError as error:
        return Section(name, title, (Text(str(error)),))
    except OSError as error:
        logging.getLogger(__name__).warning("report: %s: %s", name, error)
        return Section(name, title, (Text("Files that this section is made of cannot be read."),))
