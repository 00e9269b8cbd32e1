"""`recstack data`: parses, then calls."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load
from pipeline.errors import InputError

data_app = typer.Typer(
    no_args_is_help=True, help="Fetch, look at, judge and protect the data, without training."
)


class KeyKind(str, Enum):
    """What a key is for."""

    PSEUDONYM = "pseudonym"
    AGE = "age"


@data_app.command("fetch")
def data_fetch(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Fetch the data set and the text tower's weights into the cache, if the configuration needs any."""
    from pipeline.commands.data import fetch_all

    fetch_all(load(config))


@data_app.command("show")
def data_show(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Read and check the data, and show what the pipeline would get: counts, splits, features."""
    from pipeline.commands.data import show

    show(load(config))


@data_app.command("validate")
def data_validate(
    config: ConfigOption = DEFAULT_CONFIG,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="CSV or Parquet file, or folder of such files, with other interactions than the configured "
            "ones: a new day's. They are not split. For `source: csv`.",
        ),
    ] = None,
) -> None:
    """Judge the data as a run would, and train nothing; exit code 4 if they are not valid.

    They are compared with their schema, with the data of the version that is served (drift), and with
    logged requests (skew), if validation.served_requests names any.

    recstack data validate --config mine.yaml --file today.csv
    """
    from pipeline.commands.validate import validate_data

    validate_data(load(config), file)


@data_app.command("schema")
def data_schema(
    config: ConfigOption = DEFAULT_CONFIG,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for interactions.pbtxt and items.pbtxt; without it they are shown."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of --output.")] = False,
) -> None:
    """Propose a schema from the data, and show how it differs from the one in force.

    Read it, change what you know better, and name its folder in schema_dir.
    """
    from pipeline.commands.schema import propose

    if force and output is None:
        raise InputError("--force belongs to --output FOLDER")
    propose(load(config), output, force)


@data_app.command("key")
def data_key(
    output: Annotated[Path, typer.Option("--output", "-o", help="The new file; mode 0600.")],
    kind: Annotated[
        KeyKind, typer.Option("--kind", help="For pseudonyms of user ids, or (age) to open sealed files.")
    ] = KeyKind.PSEUDONYM,
) -> None:
    """Make a secret key. Of an age key, the recipient is printed, to which others may seal."""
    from pipeline.commands.seal import make_key

    make_key(output, kind.value)


@data_app.command("seal")
def data_seal(
    path: Annotated[Path, typer.Argument(help="A file or a folder; it stays.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new, encrypted file.")],
    recipient: Annotated[
        list[str] | None, typer.Option("--recipient", "-r", help="Who may open it: age1...; repeatable.")
    ] = None,
) -> None:
    """Encrypt a file or a folder, in the age format."""
    from pipeline.commands.seal import seal_path

    seal_path(path, recipient or [], output)


@data_app.command("unseal")
def data_unseal(
    path: Annotated[Path, typer.Argument(help="The sealed file.")],
    identity: Annotated[Path, typer.Option("--identity", "-i", help="The age key file of a recipient.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder for what is in it.")],
) -> None:
    """Decrypt what `seal` made."""
    from pipeline.commands.seal import unseal_file

    unseal_file(path, identity, output)


@data_app.command("erase-user")
def data_erase_user(
    user: Annotated[str, typer.Option("--user", "-u", help="The user's id, as the source has it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only look; exit code 4 if anything holds the user.")
    ] = False,
    remove_versions: Annotated[
        bool,
        typer.Option(
            "--remove-versions",
            help="Also remove bundle versions and trained models that hold the user; never the newest "
            "version, and no model without a newer one that does not hold them.",
        ),
    ] = False,
) -> None:
    """Erase a user from everything that a run left, keep them out of later runs, and show the proof."""
    from pipeline.commands.erase import erase_user, verify_erased

    if verify and remove_versions:
        raise InputError("--verify changes nothing; leave out --remove-versions")
    if verify:
        verify_erased(load(config), user)
    else:
        erase_user(load(config), user, remove_versions)
