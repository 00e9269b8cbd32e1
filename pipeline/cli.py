"""The command line: parses, then calls.

Nothing heavy is imported before it is needed, so that `--help` and a wrong configuration answer
at once.
"""

from __future__ import annotations

import logging
import os
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pipeline import cli_cloud
from pipeline.cli_continuous import simulate, watch
from pipeline.cli_data import data_app
from pipeline.cli_endpoint import endpoint_app
from pipeline.cli_events import events_app
from pipeline.cli_gateway import gateway_app
from pipeline.cli_index import index_app
from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load
from pipeline.cli_playground import playground
from pipeline.cli_runs import runs_app
from pipeline.cli_serve import serve
from pipeline.command_ending import debugging, errors_as_messages
from pipeline.console import out
from pipeline.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A recommender system from raw data to served recommendations, on TensorFlow Recommenders.",
    epilog="Exit codes: 0 done, 1 a fault in the program, 2 bad configuration, input or usage, "
    "3 the gate refused the new version, 4 the data break their schema or an erased user is still found, "
    "5 the environment cannot run the stack, 6 a bundle is damaged or does not fit its server.",
)
app.add_typer(data_app, name="data")
app.add_typer(runs_app, name="runs")
app.add_typer(index_app, name="index")
app.add_typer(endpoint_app, name="endpoint")
app.add_typer(events_app, name="events")
app.add_typer(gateway_app, name="gateway")
app.command()(serve)
app.command()(playground)
app.command()(watch)
app.command()(simulate)
app.command("compile")(cli_cloud.compile_pipeline)
app.command()(cli_cloud.submit)


class Tuned(str, Enum):
    """Whose settings are searched."""

    RETRIEVAL = "retrieval"
    RANKING = "ranking"


class Server(str, Enum):
    """Which TensorFlow Serving is to serve a bundle."""

    STOCK = "stock"
    SCANN = "scann"


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        out.print(f"recstack {version('recstack')}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show stack traces and all logs.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    if debug:
        logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("apache_beam").setLevel(logging.INFO)  # its debugging drowns everything else
    else:
        logging.basicConfig(level=logging.WARNING, format="%(message)s")


@app.command()
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the pipeline: validate, train, index, judge, and push a new version of the bundle.

    What ML Metadata has from an earlier run is reused. If the gate refuses the new version, the old one
    stays.
    """
    settings = load(config)
    from pipeline.commands.run import run_pipeline

    run_pipeline(settings)


@app.command()
def tune(
    trials: Annotated[int, typer.Option("--trials", "-n", min=1, help="Trainings at most.")] = 10,
    of: Annotated[Tuned, typer.Option("--of", help="Whose settings.")] = Tuned.RETRIEVAL,
    space: Annotated[
        Path | None,
        typer.Option("--space", help="YAML file that takes the place of the configuration's section tuning."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, help="Of a trial, instead of the configured ones."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Search for better settings of a model, by its own training and the eval split.

    Runs one trial after another and shows the best values as YAML. The same command goes on after a kill,
    and more trials go on from fewer.

    recstack tune --trials 20 --of ranking
    """
    settings = load(config)
    from pipeline.commands.tune import tune_model

    tune_model(settings, of.value, trials, space, epochs)


@app.command()
def recommend(
    user: Annotated[str | None, typer.Option("--user", "-u", help="Id of one user.")] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Items a user.")] = 10,
    users: Annotated[
        Path | None,
        typer.Option("--users", help="CSV or Parquet file with a column of user ids."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where --users writes to: a .csv or .parquet file."),
    ] = None,
    column: Annotated[str, typer.Option("--column", help="The column of --users.")] = "user_id",
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Folder of the bundle; by default the one that --config pushes to."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Recommend from the newest pushed bundle, to one user or to a file of users.

    recstack recommend --user 196 --k 10

    recstack recommend --users users.csv --output recommendations.parquet
    """
    from pipeline.commands.recommend import recommend_to_many, recommend_to_one
    from pipeline.privacy.pseudonyms import PseudonymKey

    if (user is None) == (users is None):
        raise InputError("say whom to recommend to: either --user ID or --users FILE")
    if (users is None) != (output is None):
        raise InputError("--users FILE and --output FILE go together")
    if bundle is not None and config == DEFAULT_CONFIG:
        folder, key_file = bundle, None
    else:
        settings = load(config)
        folder, key_file = bundle or settings.bundle_dir, settings.privacy.key_file
    key = PseudonymKey.load(key_file)
    if user is not None:
        recommend_to_one(folder, key, user, k)
    elif users is not None and output is not None:
        recommend_to_many(folder, key, users, column, k, output)


@app.command()
def promote(
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, help="Gets the label stable; by default what canary is on."),
    ] = None,
    canary: Annotated[int | None, typer.Option("--canary", min=1, help="Gets the label canary.")] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle",
            help="Folder of the bundle, or its address in an object store; by default the folder that "
            "--config pushes to.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Make the canary the stable version, or move either label to another version.

    Each push puts the label canary on the new version, and stable stays. Servers that watch the bundle take
    the labels over within a second or so.

    recstack promote

    recstack promote --version 3 --canary 3
    """
    from pipeline.commands.promote import promote_version

    promote_version(bundle or load(config).bundle_dir, version, canary)


@app.command()
def report(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The HTML file; by default report.html in the run's folder."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write one HTML file about the newest run, and its model card beside it.

    It needs no network and no other file: verdict, data, curves, metrics, a map of the items, some users'
    recommendations, time and memory, lineage.
    """
    settings = load(config)
    from pipeline.commands.report import write_report

    write_report(settings, output)


@app.command()
def doctor(
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle", help="Check a bundle: the folder of a version, or that of all, for the newest."
        ),
    ] = None,
    serving: Annotated[
        Server | None,
        typer.Option("--serving", help="What is to load --bundle; by default each, its own variant."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Check the environment: versions, Keras, the native ops, memory and disk. Or check a bundle.

    A bundle's files are compared with its manifest, and its models loaded and asked by a process that has
    only what the server has: stock TensorFlow Serving for the exact variant, one with ScaNN's ops for the
    other.

    recstack doctor --bundle runs/mine/bundle --serving stock
    """
    from pipeline.commands.doctor import show_bundle_diagnoses, show_diagnoses

    if bundle is not None:
        show_bundle_diagnoses(bundle, serving.value if serving is not None else None)
    elif serving is not None:
        raise InputError("--serving says what is to serve --bundle: name one")
    else:
        show_diagnoses(load(config).output)


def main() -> None:
    """Entry point: errors become messages and exit codes."""
    if not debugging():
        # TensorFlow's C++ code and its libraries talk a lot, and none of it is for users.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with errors_as_messages():
        app()
