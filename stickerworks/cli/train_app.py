"""The commands of trained models: train, evaluate, predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    context: typer.Context,
    baseline: Annotated[str, typer.Argument(metavar="NAME", help="a baseline, such as tiny")],
    release_folder: Annotated[Path, typer.Option("--release", help="a release's folder")],
    output: Annotated[Path, typer.Option(help="folder of the run")],
    preset: Annotated[str, typer.Option(help="paper, small or tiny")] = "tiny",
    epochs: Annotated[int | None, typer.Option(min=1, help="passes [the preset's]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="decides all chance")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="go on where a run stopped, or start over")
    ] = True,
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="train the control: labels and texts permuted")
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME=VALUE", help="change a setting of the preset"),
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="train on that domain alone: real or cartoon [all]")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="learn answers to a question, such as emotion [tags]"),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1 [a GPU if any]")] = None,
) -> None:
    """Train a baseline on a release; interrupted, the same command goes on exactly."""
    from pipeline.training.runs import TrainRequest
    from stickerworks.cli.train import split_changes, train_command

    request = TrainRequest(
        baseline,
        release_folder,
        output,
        preset,
        epochs,
        seed,
        fresh=not resume,
        shuffled=shuffled,
        changes=split_changes(changes or []),
        domain=None if domain == "all" else domain,
        device=device,
        target=target,
    )
    raise typer.Exit(train_command(context.obj, request))


def evaluate(
    context: typer.Context,
    run_folders: Annotated[
        list[Path], typer.Option("--run", help="a trained run's folder; several are compared")
    ],
    release_folder: Annotated[
        Path | None, typer.Option("--release", help="a release's folder [the run's]")
    ] = None,
    split: Annotated[
        str, typer.Option(help="train, validation, test or a named test set, such as vsd_r")
    ] = "test",
    domain: Annotated[
        str | None, typer.Option(help="real, cartoon or all [what the run was trained on]")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1 [a GPU if any]")] = None,
) -> None:
    """Judge a trained run on a split of a release."""
    from stickerworks.cli.train import evaluate_command

    raise typer.Exit(
        evaluate_command(context.obj, run_folders, release_folder, split, domain, device)
    )


def predict(
    context: typer.Context,
    run_folder: Annotated[Path, typer.Option("--run", help="a trained run's folder")],
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE...", help="sticker files")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="tags that are shown for each")] = 5,
    sheet: Annotated[
        Path | None, typer.Option(help="picture of the predictions [RUN/predictions.png]")
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help='texts as JSON lines: {"file": "a.gif", "caption_en": "..."}'),
    ] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="also draw where it looks, RUN/attention.png")
    ] = False,
    captions: Annotated[
        list[str] | None,
        typer.Option("--caption", help="generate an animated sticker of it (STI)"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="decides what is generated")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1 [a GPU if any]")] = None,
) -> None:
    """Give tags with scores for new stickers and a sheet of them; or draw stickers of captions."""
    from stickerworks.cli.predict import PredictRequest, predict_command

    question = PredictRequest(
        run=run_folder,
        images=tuple(images or ()),
        captions=tuple(captions or ()),
        texts=texts,
        top=top,
        sheet=sheet or run_folder / "predictions.png",
        attention=attention,
        seed=seed,
        device=device,
    )
    raise typer.Exit(predict_command(context.obj, question))
