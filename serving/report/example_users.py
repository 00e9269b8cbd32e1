"""Section: what some users did, and what is recommended to them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.canonical import HISTORIES_FILE
from schemas.features import TITLE, USER_ID, VALUE
from serving.layout import version_dir
from serving.recommend import RETRIEVAL_SCORE, BundleRecommender
from serving.report.blocks import Beside, MissingError, Section, Table, Text
from serving.report.figures import number
from serving.report.run_files import RunFiles

if TYPE_CHECKING:
    import pyarrow as pa

_USERS, _LENGTH = 10, 10


def users_section(run: RunFiles) -> Section:
    """Histories and recommendations side by side; nobody is named.

    Raises:
      MissingError: There is no bundle, or nobody with a history.
    """
    bundle = run.bundle
    drawn = _drawn(run)
    if not drawn:
        raise MissingError("Nobody has a history.")
    with tempfile.TemporaryDirectory() as folder:
        recommender = _recommender(bundle, Path(folder))
        answers = recommender.top_k(drawn, _LENGTH)
        blocks = tuple(
            Beside(
                f"User {place}",
                (_history(recommender.history(user, _LENGTH)), _answers(answers, user, recommender)),
            )
            for place, user in enumerate(drawn, start=1)
        )
    head = f"{len(drawn)} users with a history, drawn by the seed {run.seed}; the newest interactions first."
    return Section("users", "Recommendations", (Text(head), *blocks))


def _recommender(bundle: Path, folder: Path) -> BundleRecommender:
    """The bundle as it was judged: a refused one stands in no folder of versions."""
    version = version_dir(folder, 1)
    version.parent.mkdir(parents=True)
    version.symlink_to(bundle.resolve())
    return BundleRecommender(folder, stored_users=True)


def _drawn(run: RunFiles) -> list[str]:
    """Ids, as the bundle stores them, of seeded users with a history."""
    import numpy as np
    import pyarrow.parquet as pq

    users = pq.read_table(run.data_dir / HISTORIES_FILE, columns=[USER_ID])[USER_ID]
    drawn = np.random.default_rng(run.seed).permutation(len(users))[:_USERS]
    return [users[int(row)].as_py() for row in drawn]


def _history(history: pa.Table | None) -> Table:
    rows = [] if history is None else history.to_pylist()
    has_value = bool(rows) and VALUE in rows[0]
    cells = tuple((row[TITLE] or "", *([number(row[VALUE])] if has_value else [])) for row in rows)
    return Table("did last", ("title", *([VALUE] if has_value else [])), cells)


def _answers(answers: pa.Table, user: str, recommender: BundleRecommender) -> Table:
    scores = (RETRIEVAL_SCORE, *recommender.tasks)
    rows = tuple(
        (row[TITLE] or "", *(f"{row[name]:.3f}" for name in scores))
        for row in answers.to_pylist()
        if row[USER_ID] == user
    )
    return Table("is recommended", ("title", *(name.replace("_", " ") for name in scores)), rows)
