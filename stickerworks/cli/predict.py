"""The command that uses a run: tags for new stickers, or new stickers for captions."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.markup import escape

from pipeline.datasets.release import TEXTS
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.compute import reproducible, use_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.text import plain
from pipeline.training.contract import (
    Attends,
    Baseline,
    Generates,
    Learner,
    NewSticker,
    Prediction,
    Trained,
    UnreadableImageError,
)
from pipeline.training.runs import open_run
from pipeline.training.trainer import generate, predict, show_attention
from stickerworks.cli.display import make_console
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import EXIT_DONE, EXIT_QUARANTINED
from stickerworks.cli.train import answer

# Beyond that a picture takes minutes to draw, and nobody looks.
_ON_A_SHEET = 64
_MAX_TEXTS = 100_000_000


@dataclass(frozen=True)
class PredictRequest:
    """What a person wants to know of a run."""

    run: Path
    images: tuple[Path, ...]
    captions: tuple[str, ...]
    texts: Path | None
    top: int
    sheet: Path
    attention: bool
    seed: int
    device: str | None = None


def predict_command(options: CommandOptions, question: PredictRequest) -> int:
    """Print tags of new stickers and draw them on a sheet, or draw stickers of captions."""
    baseline, recipe, trained = open_run(question.run)
    _check(baseline, question)
    stickers = _read_stickers(question)
    if options.dry_run:
        make_console().print(escape(f"  predict      would write {question.sheet}"))
        return EXIT_DONE
    try:
        with use_device(question.device), reproducible(recipe.seed):
            if isinstance(baseline, Generates) and question.captions:
                return _generate(options, baseline, trained, question)
            assert isinstance(baseline, Baseline)
            return _predict(options, baseline, trained, question, stickers)
    except UnreadableImageError as error:
        raise StickerworksError(
            _say_unreadable(question.images[error.number], error.reason),
            "Give a GIF, PNG, JPEG, WebP or BMP.",
        ) from error


def _check(baseline: Learner[Any, Any], question: PredictRequest) -> None:
    if bool(question.images) == bool(question.captions):
        raise StickerworksError(
            "There is nothing to do, or two things.", "Name image files, or give --caption TEXT."
        )
    if question.images and not isinstance(baseline, Baseline):
        draws = isinstance(baseline, Generates)
        remedy = "Give --caption TEXT." if draws else "Use another run."
        raise StickerworksError(f"The baseline {baseline.name} can't predict tags.", remedy)
    if question.captions and not isinstance(baseline, Generates):
        raise StickerworksError(
            f"The baseline {baseline.name} draws no stickers.", "Name image files instead."
        )
    if question.attention and not isinstance(baseline, Attends):
        raise StickerworksError(
            f"The baseline {baseline.name} has no attention to draw.", "Leave --attention out."
        )


def _read_stickers(question: PredictRequest) -> list[NewSticker]:
    texts = _read_texts(question.texts)
    unknown = sorted(set(texts) - {path.name for path in question.images})
    if unknown:
        raise StickerworksError(
            f"{question.texts} has texts of {plain(unknown[0])}, which is not among the images.",
            "Use the files' own names, without folders.",
        )
    return [NewSticker(_read(path), texts.get(path.name, {})) for path in question.images]


def _predict(
    options: CommandOptions,
    baseline: Baseline[Any, Any],
    trained: Trained,
    question: PredictRequest,
    stickers: list[NewSticker],
) -> int:
    from pipeline.training.pictures import draw_attention, draw_sheet

    unreadable: dict[Path, str] = {}
    try:
        predictions = predict(baseline, trained, stickers)
    except UnreadableImageError as error:
        if len(error.all) == len(stickers):
            raise
        unreadable = {question.images[number]: why for number, why in error.all.items()}
        kept = [number for number in range(len(stickers)) if number not in error.all]
        question = replace(question, images=tuple(question.images[number] for number in kept))
        stickers = [stickers[number] for number in kept]
        predictions = predict(baseline, trained, stickers)
    names = [plain(path.name) for path in question.images][:_ON_A_SHEET]
    data = [sticker.data for sticker in stickers][:_ON_A_SHEET]
    shown = [prediction[: question.top] for prediction in predictions]
    pictures = [question.sheet, *([question.run / "attention.png"] if question.attention else [])]
    code = EXIT_QUARANTINED if unreadable else EXIT_DONE
    told = {str(path): plain(why)[:200] for path, why in unreadable.items()}
    for path, why in unreadable.items():
        print(_say_unreadable(path, why), file=sys.stderr)
    if options.json:
        answer("predict", _facts(question, shown, pictures) | {"unreadable": told}, code)
    for path, tags in zip(question.images, shown, strict=True) if not options.json else ():
        given = ", ".join(f"{plain(tag)} {score:.3f}" for tag, score in tags)
        print(f"{plain(path.name)}: {given}")
    with atomic_file(question.sheet) as temporary:
        draw_sheet(temporary, names, data, predictions[:_ON_A_SHEET])
    if question.attention and isinstance(baseline, Attends):
        maps = show_attention(baseline, trained, stickers[:_ON_A_SHEET])
        with atomic_file(pictures[1]) as temporary:
            draw_attention(temporary, names, data, maps)
    for picture in [] if options.json else pictures:
        few = f" (the first {len(names)})" if len(names) < len(stickers) else ""
        make_console().print(escape(f"  sheet        {picture}{few}"))
    return code


def _say_unreadable(path: Path, why: str) -> str:
    return f"{plain(str(path))} can't be decoded: {plain(why)[:200]}."


def _facts(
    question: PredictRequest, shown: Sequence[Prediction], pictures: Sequence[Path]
) -> dict[str, Any]:
    files = [
        {"file": str(path), "tags": [{"tag": tag, "score": score} for tag, score in tags]}
        for path, tags in zip(question.images, shown, strict=True)
    ]
    facts: dict[str, Any] = {"run": str(question.run), "sheet": str(pictures[0]), "images": files}
    return facts | ({"attention": str(pictures[1])} if len(pictures) > 1 else {})


def _generate(
    options: CommandOptions,
    baseline: Generates[Any, Any],
    trained: Trained,
    question: PredictRequest,
) -> int:
    from pipeline.training.clips import write_gif
    from pipeline.training.pictures import draw_clips

    clips = generate(baseline, trained, question.captions, question.seed)
    folder = question.run / "samples"
    folder.mkdir(exist_ok=True)
    files = [folder / f"{number:03d}.gif" for number in range(len(clips))]
    for file, frames in zip(files, clips, strict=True):
        with atomic_file(file) as temporary:
            write_gif(temporary, frames)
    with atomic_file(question.sheet) as temporary:
        draw_clips(temporary, [plain(caption) for caption in question.captions], clips)
    if options.json:
        found = [
            {"caption": caption, "file": str(file)}
            for caption, file in zip(question.captions, files, strict=True)
        ]
        facts = {"run": str(question.run), "sheet": str(question.sheet), "clips": found}
        answer("predict", facts)
        return EXIT_DONE
    for caption, file in zip(question.captions, files, strict=True):
        print(f"{file}: {plain(caption)}")
    make_console().print(escape(f"  sheet        {question.sheet}"))
    return EXIT_DONE


def _read_texts(path: Path | None) -> dict[str, Mapping[str, str]]:
    if path is None:
        return {}
    try:
        lines = read_regular(path, _MAX_TEXTS).decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StickerworksError(f"{path} can't be read: {what}.", "Give JSON lines.") from error
    texts: dict[str, Mapping[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            fields = {name: text for name, text in row.items() if isinstance(text, str)}
            texts[fields.pop("file")] = fields
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            raise StickerworksError(
                f"{path} line {number} is no object with a file name.",
                'Write a line for each: {"file": "a.gif", "caption_en": "a cat waves"}.',
            ) from error
        unknown = sorted(set(fields) - set(TEXTS))
        if unknown:
            raise StickerworksError(
                f"{path} line {number} has a text called {plain(unknown[0])!r}.",
                f"Name it as one of: {', '.join(TEXTS)}.",
            )
    return texts


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise StickerworksError(f"There is no file {plain(str(path))}.", "Name an image.")
    return path.read_bytes()
