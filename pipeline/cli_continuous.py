"""`recstack watch` and `recstack simulate`: parse, then call."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load


def watch(
    once: Annotated[bool, typer.Option("--once", help="Look once, run if that is due, and end.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Start a run when new spans have come and one is due: by schedule, or because the data have drifted.

    With --once it ends as the run did, for a scheduler of one's own.

    recstack watch --once --config configs/mine.yaml
    """
    settings = load(config)
    from pipeline.commands.watch import watch as start

    raise typer.Exit(start(settings, once))


def simulate(
    spans: Annotated[int, typer.Option("--spans", "-n", min=2, help="Spans to replay.")] = 10,
    start: Annotated[
        float, typer.Option("--start", min=0.05, max=0.95, help="Share of the interactions before them.")
    ] = 0.5,
    window: Annotated[
        int, typer.Option("--window", min=3, help="Newest spans that the continuous model looks at.")
    ] = 4,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Replay the log in time order: a model that goes on, one trained from scratch, one that stays.

    Each is judged on spans that none has seen; shows and plots quality and cost.

    recstack simulate --spans 10
    """
    settings = load(config)
    from pipeline.commands.simulate import simulate as run

    run(settings, spans, start, window)
