"""The options of `stickerworks label review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Texts = list[str] | None


def register(label: typer.Typer) -> None:
    """Add the command."""
    label.command("review")(review)


def review(
    context: typer.Context,
    tag: Annotated[Texts, typer.Option("--tag", help="a tag of the label, repeatable")] = None,
    given: Annotated[Texts, typer.Option("--given", help="a tag that anybody gave")] = None,
    answer: Annotated[
        Texts, typer.Option("--answer", help="QUESTION=VALUE, as emotion=anger")
    ] = None,
    text: Annotated[Texts, typer.Option("--text", help="in captions, OCR, keywords")] = None,
    flag: Annotated[Texts, typer.Option("--flag", help="of people or of the measurement")] = None,
    annotator: Annotated[
        Texts, typer.Option("--annotator", help="account that voted on it")
    ] = None,
    against: Annotated[
        Texts,
        typer.Option(
            "--against",
            help="account whose vote gave other tags than an effective or rejected label has",
        ),
    ] = None,
    pack: Annotated[str | None, typer.Option("--pack", help="title or id of its pack")] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", help="batch that it was exported with")
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="effective, adjudicate, ...")
    ] = None,
    provenance: Annotated[
        str | None, typer.Option("--provenance", help="votes, adjudication, review or imported")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="train, validation or test")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="first characters of the id")] = None,
    disagreement: Annotated[
        float | None,
        typer.Option(
            help="agreement at most this, lowest first: the mean share of votes that its tags have",
            min=0,
            max=1,
        ),
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="so many of them, drawn")] = None,
    seed: Annotated[int, typer.Option("--seed", help="of the sample")] = 0,
    first: Annotated[
        int | None, typer.Option("--first", min=1, max=5000, help="shown [20; 200 on the page]")
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="write reports/review.html, to look at and to change")
    ] = False,
    names: Annotated[
        bool, typer.Option("--names", help="say who gave which vote; not told without")
    ] = False,
    change: Annotated[
        Texts, typer.Option("--change", help="FIELD=VALUE, as tags=a,b or domain=real; repeatable")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="the reason; no change without")] = None,
    who: Annotated[str | None, typer.Option("--by", help="who says so")] = None,
    all_found: Annotated[
        bool, typer.Option("--all-found", help="change all that is found, not just one")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="don't ask")] = False,
    apply: Annotated[
        Path | None, typer.Option("--apply", help="the file that the page saved")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="also where the label is another than was looked at")
    ] = False,
    undo: Annotated[
        int | None, typer.Option("--undo", help="number of a change to take back")
    ] = None,
    history: Annotated[
        str | None, typer.Option("--history", help="id of a sticker whose changes are shown")
    ] = None,
) -> None:
    """Look through labels again: search, a page of what is found, changes with their reasons."""
    from annotation.human.review.wanted import Wanted
    from stickerworks.cli.label_review import (
        Asked,
        apply_command,
        change_command,
        history_command,
        search_command,
        undo_command,
    )

    modes = {
        "--change": bool(change), "--apply": apply is not None, "--undo": undo is not None,
        "--history": history is not None, "--page": page,
    }  # fmt: skip
    if sum(modes.values()) > 1:
        given_modes = " and ".join(name for name, is_given in modes.items() if is_given)
        raise typer.BadParameter(f"{given_modes} exclude each other")
    wanted = Wanted(
        tag=tuple(tag or ()),
        given=tuple(given or ()),
        answer=tuple(_pair(one, "--answer") for one in answer or ()),
        text=tuple(text or ()),
        flag=tuple(flag or ()),
        annotator=tuple(name.strip().casefold() for name in annotator or ()),
        against=tuple(name.strip().casefold() for name in against or ()),
        pack=pack,
        batch=batch,
        status=status,
        provenance=provenance,
        split=split,
        id=id_,
        disagreement=disagreement,
        sample=sample,
        seed=seed,
    )
    asked = Asked(why, who, force=force, yes=yes)
    if apply is not None:
        raise typer.Exit(apply_command(context.obj, apply, asked))
    if undo is not None:
        raise typer.Exit(undo_command(context.obj, undo, asked))
    if history is not None:
        raise typer.Exit(history_command(context.obj, history))
    if change:
        values: dict[str, str] = {}
        for name, value in (_pair(one, "--change") for one in change):
            if name in values:
                raise typer.BadParameter(
                    f"--change gives {name} twice; several values are {name}=A,B"
                )
            values[name] = value
        raise typer.Exit(change_command(context.obj, wanted, values, asked, everything=all_found))
    if all_found:
        raise typer.BadParameter("--all-found needs --change FIELD=VALUE")
    raise typer.Exit(search_command(context.obj, wanted, first, page=page, names=names))


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise typer.BadParameter(f"{option} takes NAME=VALUE, not {text!r}")
    return name.strip(), value.strip()
