"""The command line: options, commands and how errors are told."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pipeline.engine.text import plain
from stickerworks.cli.annotate_app import annotate
from stickerworks.cli.crawl_app import crawl
from stickerworks.cli.encoding import speak_utf8
from stickerworks.cli.explaining import explain
from stickerworks.cli.filter_app import filter_
from stickerworks.cli.import_app import import_
from stickerworks.cli.interrupts import listen
from stickerworks.cli.label_app import label
from stickerworks.cli.release_app import release
from stickerworks.cli.split_app import split
from stickerworks.cli.streams import (
    EXIT_PIPE,
    allow_open_files,
    check_arguments,
    hush,
    open_closed,
    reader_gone,
)
from stickerworks.cli.tags_app import tags
from stickerworks.cli.train_app import evaluate, predict, train

app = typer.Typer(
    name="stickerworks",
    help="Builds sticker and GIF datasets: crawl, filter, tag, annotate, merge, split, release.",
    epilog="These options may also stand behind the command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(crawl)
app.add_typer(filter_)
app.add_typer(tags)
app.add_typer(label)
app.add_typer(annotate)
app.add_typer(split)
app.add_typer(release)
# CommandOptions of the whole program that people also write behind the command.
_FLAGS = {"--dry-run", "--json", "--debug", "--retry-quarantined", "--keep"}
_KEEP_NOTHING = {"train", "evaluate", "predict", "trace", "doctor", "report", "status"}
_INTERRUPTED = 130  # also what Typer makes of Ctrl-C
_VALUED = {"--config", "--workspace", "--set"}


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="YAML file [stickerworks.yaml]")] = None,
    workspace: Annotated[
        str | None, typer.Option(help="folder of tables and releases, or s3://bucket/folder")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value, repeatable")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would run")] = False,
    json: Annotated[bool, typer.Option("--json", help="answer in JSON on stdout")] = False,
    retry_quarantined: Annotated[
        bool, typer.Option("--retry-quarantined", help="measure quarantined rows again")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="keep what --set gives for later commands")
    ] = False,
) -> None:
    from pipeline.engine.paths import named_path
    from stickerworks.cli.configuration import named_workspace
    from stickerworks.cli.options import CommandOptions

    if keep and (not set_ or context.invoked_subcommand in _KEEP_NOTHING):
        raise typer.BadParameter("it keeps what --set gives to a command that makes tables")
    context.obj = CommandOptions(
        config and named_path(config, "--config"),
        named_workspace(workspace, config, tuple(set_ or ())) if workspace else None,
        tuple(set_ or ()),
        dry_run,
        json,
        retry_quarantined,
        debug,
        keep,
    )


def _room(name: str, text: str) -> None:
    def command(context: typer.Context) -> None:
        from stickerworks.cli.commands import room_command

        raise typer.Exit(room_command(name, context.obj))

    app.command(name, help=text)(command)


_room("merge", "Merge annotators' votes into labels.")


@app.command()
def validate(
    context: typer.Context,
    release_folder: Annotated[
        Path | None, typer.Option("--release", help="a release's folder [the configured one]")
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option("--before", help="the release that it is held beside [its last version]"),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="judge by answers to a question, such as emotion [tags]")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1 [a GPU if any]")] = None,
) -> None:
    """Verify a release, look at every row, and train the baseline against a shuffled control."""
    from stickerworks.cli.commands import validate_command

    given = context.obj
    for name, value in (("device", device), ("target", target)):
        if value is not None:
            given = replace(given, overrides=(*given.overrides, f"validation.{name}={value}"))
    raise typer.Exit(validate_command(given, release_folder, before))


app.command("import")(import_)
for _command in (train, evaluate, predict):
    app.command()(_command)


@app.command()
def report(context: typer.Context) -> None:
    """Write the HTML report of the workspace."""
    from stickerworks.cli.commands import report_command

    raise typer.Exit(report_command(context.obj))


@app.command()
def run(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="your own stickers; without it, the configured sources")
    ] = None,
) -> None:
    """Everything in order: crawl to report."""
    from stickerworks.cli.whole import run_command

    raise typer.Exit(run_command(context.obj, folder))


@app.command()
def demo(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="preferred port of the loopback site")] = 8765,
) -> None:
    """Everything on drawn stickers from a site on loopback, with simulated annotators."""
    from stickerworks.cli.demo import demo_command

    raise typer.Exit(demo_command(context.obj, port))


@app.command()
def update(context: typer.Context) -> None:
    """Bring every table that was made before up to date, in order."""
    from stickerworks.cli.update import update_command

    raise typer.Exit(update_command(context.obj))


@app.command()
def status(context: typer.Context) -> None:
    """Say how far every table is, who works there, and what comes next."""
    from stickerworks.cli.status import status_command

    raise typer.Exit(status_command(context.obj))


@app.command()
def trace(
    context: typer.Context,
    sticker: Annotated[str, typer.Argument(help="id, or its first characters")],
) -> None:
    """Show a sticker's whole life: every row of every table about it."""
    from stickerworks.cli.trace import trace_command

    raise typer.Exit(trace_command(context.obj, sticker))


@app.command()
def doctor(context: typer.Context) -> None:
    """Say what is installed, what is missing and the command that installs it."""
    from stickerworks.cli.doctor import doctor_command

    raise typer.Exit(doctor_command(context.obj))


def main() -> None:
    """Run the command line; every error is one clear line."""
    open_closed()
    speak_utf8()
    listen()
    # Of schemas/start.py, whose import `--help` is spared.
    os.environ.setdefault("STICKERWORKS_PROGRAM", "1")
    try:
        code = _run(sys.argv[1:])
    except (BrokenPipeError, SystemExit):  # Rich makes the one of the other
        if not reader_gone():
            raise
        code = EXIT_PIPE
        hush()
    sys.exit(code)


def _run(given: list[str]) -> int:
    arguments = _options_first(given)
    try:
        check_arguments(given)
        allow_open_files()
        code = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        _tell_usage(error)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except Exception as error:
        if "--debug" in arguments or (isinstance(error, BrokenPipeError) and reader_gone()):
            raise
        _tell(explain(error))
        code = 1
    if code == _INTERRUPTED:
        _tell("Interrupted. Nothing finished is lost; run the same command again to go on.")
    return code or 0


def _tell_usage(error: typer.TyperException) -> None:
    if hasattr(error, "show"):
        shown = io.StringIO()
        error.show(file=shown)  # with the usage line of the command that was meant
        for line in shown.getvalue().splitlines():
            _tell(line)
    else:
        _tell(f"error: {error.format_message()}")


def _tell(line: str) -> None:
    print(plain(line), file=sys.stderr)


def _options_first(arguments: list[str]) -> list[str]:
    """Move the program's own options before the command, wherever they were written."""
    first: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += [word, *queue]
            break
        if word in _FLAGS or word.partition("=")[0] in _VALUED:
            first.append(word)
            if word in _VALUED and queue:
                first.append(queue.pop(0))
        else:
            rest.append(word)
    return first + rest
