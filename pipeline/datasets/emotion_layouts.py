"""SER30K and MET-MEME as layouts of data sets, so that any tagger can learn from them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from pipeline.datasets import met_meme, ser30k
from pipeline.datasets.layout import Layout, Row
from pipeline.datasets.met_meme import MetMeme, MetMemeRow, read_met_meme
from pipeline.datasets.pictures import why_unusable, with_bytes
from pipeline.datasets.problems import Problem, shown
from pipeline.datasets.ser30k import VIEWED, Ser30k, Ser30kRow, read_parts, read_ser30k
from schemas.release import AskedQuestion

_SHOWN = 5
_LANGUAGES = "EC"
_OF_MGHFT = {"style": "overall_style"}  # where models' texts of several papers stand side by side
_SPLITS: dict[str, ser30k.Split] = {"train": "train", "validation": "val", "test": "test"}
_VIEW = re.compile(r"#The sticker's (intention|style|main role|gesture)")
_COLUMNS = {
    "intention": "intention",
    "style": "style",
    "main role": "main_role",
    "gesture": "character_details",
}
# What the paper splits MET-MEME by (section 4.1): train below the first, validation the second.
_TRAIN, _VALIDATION = 0.6, 0.8
# A SER30K's test split has 42 rows of disgust among six thousand (the paper's Figure 6).
_WHOLE, _RAREST = 1000, 2


def _has_ser30k(path: Path) -> bool:
    annotations = path / ser30k.FULL
    return (annotations / "image-level").is_dir() or (annotations / "all_annos.json").is_file()


def _ser30k_rows(path: Path, split: str) -> Iterator[Row]:
    views = _read_views(path, split)
    for row in _read_ser30k(path, split).rows:
        texts = {"ocr_text": row.text, "pack": row.topic, **views.get(row.image, {})}
        yield with_bytes(_row(path, row.image, ser30k.EMOTIONS[row.label], texts))


def _every_ser30k(path: Path) -> Iterator[Row]:
    names: dict[str, str] = {short: name for name, short in _SPLITS.items()}
    for split, found in read_parts(path):
        views = _read_views(path, names[split]) if split else {}
        for row in found.rows:
            yield _whole_ser30k(path, row, views.get(row.image, {}), names.get(split or ""))


def _whole_ser30k(path: Path, row: Ser30kRow, views: Mapping[str, str], split: str | None) -> Row:
    emotion = ser30k.EMOTIONS[row.label]
    own = {_OF_MGHFT.get(name, name): text for name, text in views.items()}
    texts = {"ocr_text": row.text, "pack": row.topic, "emotion": emotion, **own}
    return replace(_row(path, row.image, emotion, texts), split=split, record=row.cells)


def _ser30k_problems(path: Path) -> Iterable[Problem]:
    return chain.from_iterable(found.problems for _, found in read_parts(path))


def _ser30k_notes(path: Path, split: str) -> tuple[str, ...]:
    found = _read_ser30k(path, split)
    counts = Counter(row.label for row in found.rows)
    names = ", ".join(f"{number} {name}" for number, name in ser30k.EMOTIONS.items())
    lines = [f"SER30K numbers its emotions; they are taken as {names}"]
    if len(found.rows) >= _WHOLE and counts[_RAREST] > min(counts.values()):
        lines.append("but 2 is not the rarest, as disgust should be: check that order")
    missing = [row.image for row in found.rows if not (path / row.image).is_file()]
    return (*lines, *_describe(split, found.problems, missing))


def _read_ser30k(path: Path, split: str) -> Ser30k:
    return read_ser30k(path, _SPLITS[split]) if split in _SPLITS else Ser30k((), ())


def _read_views(path: Path, split: str) -> dict[str, dict[str, str]]:
    """Views of stickers by image, where the MGHFT authors' annotations lie beside SER30K's own."""
    name = _SPLITS.get(split)
    if name is None or not (path / VIEWED / f"image-level/{name}.json").is_file():
        return {}
    rows = read_ser30k(path, name, VIEWED).rows
    return {row.image: split_views(row.text) for row in rows}


def split_views(text: str) -> dict[str, str]:
    """A description's views by column of a release; each begins with what it is about.

    The form is that of the released code: ``#The sticker's intention ...``, then style, main role
    and gesture (the character details).
    """
    _, *parts = _VIEW.split(text)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {_COLUMNS[name]: f"The sticker's {name}{rest.rstrip()}" for name, rest in pairs}


def join_views(views: Mapping[str, str]) -> str:
    """The description that ``split_views`` takes apart into these columns; others are left out."""
    parts = []
    for name, column in _COLUMNS.items():
        subject = f"The sticker's {name}"
        text = _VIEW.sub(r"The sticker's \1", views.get(column, ""))
        if text.strip():
            told = text.strip()
            parts.append(f"#{told if told.startswith(subject) else f'{subject}: {told}'}")
    return "\n".join(parts)


def _has_met_meme(path: Path) -> bool:
    return _language(path) is not None


def _language(path: Path) -> str | None:
    # The paper takes the English memes; names of files are the same in both languages.
    return next((each for each in _LANGUAGES if (path / f"label_{each}.csv").is_file()), None)


def _met_meme_rows(path: Path, split: str) -> Iterator[Row]:
    found = _read_met_meme(path)
    for row in found.rows:
        if split_of(row.file_name) == split:
            texts = {"ocr_text": found.texts.get(row.file_name, "")}
            emotion = met_meme.EMOTIONS[row.emotion]
            file = _find_meme(path, row.file_name).relative_to(path)
            yield with_bytes(_row(path, row.file_name, emotion, texts, file))


def _every_met_meme(path: Path) -> Iterator[Row]:
    """Memes in English, then those in Chinese; the data set has no splits of its own."""
    for language, found in _every_language(path):
        for row in found.rows:
            yield _whole_met_meme(path, language, row, found.texts.get(row.file_name))


def _whole_met_meme(path: Path, language: str, row: MetMemeRow, text: str | None) -> Row:
    emotion = met_meme.EMOTIONS[row.emotion]
    file = _find_meme(path, row.file_name, language).relative_to(path)
    # Names of files are the same in both languages.
    name = f"{language}images/{row.file_name}"
    texts = {"ocr_text": text or "", "emotion": emotion}
    record = {"language": language, **row.cells, **({} if text is None else {"text": text})}
    return replace(_row(path, name, emotion, texts, file), record=record)


def _met_meme_problems(path: Path) -> Iterable[Problem]:
    return chain.from_iterable(found.problems for _, found in _every_language(path))


def _every_language(path: Path) -> Iterator[tuple[str, MetMeme]]:
    for language in _LANGUAGES:
        if (path / f"label_{language}.csv").is_file():
            yield language, _read_met_meme(path, language)


def _met_meme_notes(path: Path, split: str) -> tuple[str, ...]:
    found = _read_met_meme(path)
    names = [row.file_name for row in found.rows if split_of(row.file_name) == split]
    missing = [name for name in names if not _find_meme(path, name).is_file()]
    return (
        f"MET-MEME ({'English' if _language(path) == 'E' else 'Chinese'}) has no splits of its "
        "own: 6:2:2 as in the paper, by a hash of the file's name",
        *_describe(split, found.problems, missing),
    )


def _read_met_meme(path: Path, language: str | None = None) -> MetMeme:
    language = language or _language(path)
    texts = path / f"{language}_text.csv"
    return read_met_meme(path / f"label_{language}.csv", texts if texts.is_file() else None)


def _find_meme(path: Path, name: str, language: str | None = None) -> Path:
    folder = f"{language or _language(path)}images"
    places = (path / folder / name, path / folder / folder / name, path / "images" / name)
    return next((place for place in places if place.is_file()), places[0])


def split_of(file_name: str) -> str:
    """The split of a meme: the same wherever it lies and whatever lies beside it."""
    digest = hashlib.sha256(f"met-meme {file_name}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    return "train" if share < _TRAIN else "validation" if share < _VALIDATION else "test"


def _row(
    root: Path, name: str, emotion: str, texts: Mapping[str, str], file: Path | None = None
) -> Row:
    """A row without its bytes, which lie in ``file`` below the root, else in that of its name."""
    place = root / (name if file is None else file)
    kept = {column: text.strip() for column, text in texts.items() if text.strip()}
    problem = why_unusable(root, place)
    return Row(name, None, frozenset({emotion}), kept, problem=problem, file=place)


def _describe(split: str, problems: Sequence[Problem], missing: Sequence[str]) -> list[str]:
    lines = []
    if problems:
        lines.append(f"{len(problems):,} cells can't be taken as they are")
        lines += [str(problem) for problem in problems[:_SHOWN]]
    if missing:
        names = ", ".join(shown(name) for name in missing[:_SHOWN])
        lines.append(f"{len(missing):,} {split} images are missing: {names}")
    return lines


def _emotion(emotions: Mapping[int, str]) -> tuple[AskedQuestion, ...]:
    """What the people behind these data sets were asked, which is all that they teach."""
    return (AskedQuestion("emotion", "single", tuple(emotions.values())),)


SER30K = Layout(
    name="ser30k",
    recognises=_has_ser30k,
    rows=_ser30k_rows,
    notes=_ser30k_notes,
    every=_every_ser30k,
    problems=_ser30k_problems,
    classes=tuple(ser30k.EMOTIONS.values()),
    questions=lambda path: _emotion(ser30k.EMOTIONS),
    answered=lambda path, split, question: _ser30k_rows(path, split),
)

MET_MEME = Layout(
    name="met_meme",
    recognises=_has_met_meme,
    rows=_met_meme_rows,
    notes=_met_meme_notes,
    every=_every_met_meme,
    problems=_met_meme_problems,
    classes=tuple(met_meme.EMOTIONS.values()),
    questions=lambda path: _emotion(met_meme.EMOTIONS),
    answered=lambda path, split, question: _met_meme_rows(path, split),
)
