"""The commands of `stickerworks annotate`: domain and texts by machine, and what to train on."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

annotate = typer.Typer(
    name="annotate",
    help="Add domain, descriptions and captions by machine; without a command, all of it.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


class Retries(Enum):
    """What is asked again."""

    flagged = "flagged"
    failed = "failed"


@annotate.callback()
def everything(
    context: typer.Context,
    retry: Annotated[
        Retries | None,
        typer.Option(help="ask again what is flagged or failed, or only what failed"),
    ] = None,
    probe_rows: Annotated[
        int, typer.Option(min=1, help="stickers that --dry-run asks about for real")
    ] = 20,
) -> None:
    """Bring domain, captions and descriptions up to date."""
    if context.invoked_subcommand is not None:
        return
    from stickerworks.cli.annotate import annotate_command

    raise typer.Exit(annotate_command(context.obj, retry and retry.value, probe_rows))


@annotate.command()
def domain(
    context: typer.Context,
    train: Annotated[
        bool, typer.Option("--train", help="train an EfficientNet on what people labelled")
    ] = False,
    labels: Annotated[
        Path | None, typer.Option(help="JSON lines of labels instead of the votes")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="folder of the model [WORKSPACE/models/domain]")
    ] = None,
    preset: Annotated[str, typer.Option(help="lite, tuned, small or paper")] = "lite",
    epochs: Annotated[int | None, typer.Option(min=1, help="passes [the preset's]")] = None,
    folds: Annotated[int, typer.Option(min=2, help="parts that are held out in turn")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="decides all chance")] = 0,
    pretrained: Annotated[
        str | None, typer.Option(help="name or folder of weights to start from")
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="take simulated votes as well")
    ] = False,
) -> None:
    """Tell real from cartoon; or train the classifier that does."""
    from annotation.machine.efficientnet.train import DomainTraining
    from stickerworks.cli.annotate import domain_command, train_command

    if not train:
        raise typer.Exit(domain_command(context.obj))
    request = DomainTraining(labels, output, preset, epochs, folds, seed, pretrained, simulated)
    raise typer.Exit(train_command(context.obj, request))


@annotate.command("export-ocr")
def export_ocr(
    context: typer.Context,
    output: Annotated[Path, typer.Option(help="folder to write")],
    simulated: Annotated[
        bool, typer.Option("--simulated", help="take simulated votes as well")
    ] = False,
) -> None:
    """Write people's corrected texts as a training set for PaddleOCR."""
    from stickerworks.cli.annotate import export_ocr_command

    raise typer.Exit(export_ocr_command(context.obj, output, simulated=simulated))


@annotate.command("export-sft")
def export_sft(
    context: typer.Context,
    output: Annotated[Path, typer.Option(help="folder to write")],
    simulated: Annotated[
        bool, typer.Option("--simulated", help="take simulated votes as well")
    ] = False,
) -> None:
    """Write people's captions as chats for fine-tuning a captioning model."""
    from stickerworks.cli.annotate import export_sft_command

    raise typer.Exit(export_sft_command(context.obj, output, simulated=simulated))
