"""The review page of an audit, and the same as tasks for Label Studio."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.page.pictures import PagePicture, animated_among, load_pictures
from pipeline.engine.page.render import Page, write_page
from pipeline.engine.workspace import Workspace
from pipeline.filter.audit.answers import Answer
from pipeline.filter.audit.sampling import Sample

PAGE, TASKS, SCREEN = "review.html", "label-studio-tasks.json", "label-studio.xml"
_SIDE = 256
_MOVING = 60
_QUESTION = "Should the filter drop this sticker for that?"


def write_review(
    workspace: Workspace, sample: Sample, answers: Sequence[Answer], target: Path
) -> Path:
    """Write the page that asks about every sticker of the sample, in a mixed order.

    It says neither what the rule decided nor the value, so that nobody is led by them. Answers
    are kept in the browser, and saved as a file for ``filter audit RULE --answers FILE``.
    """
    page = Page(
        folder=Path(__file__).parent,
        title=f"Audit of {sample.rule}",
        kind="stickerworks audit",
        lead=_criterion(sample),
        contents=(),
        asks=True,
    )
    known = {answer.id for answer in answers}
    values = {
        "sample": sample,
        "base": {"stickerworks_audit": 1, "rule": sample.rule, "drawn": sample.drawn},
        "question": _QUESTION,
        "pictures": _pictures(workspace, sample),
        "answered": sum(one.id in known for one in sample.stickers),
    }
    return write_page(target, page, values)


def write_studio(workspace: Workspace, sample: Sample, folder: Path) -> tuple[Path, Path]:
    """Write tasks and the labelling screen of a project of Label Studio that asks the same.

    Pictures stand in the tasks as data URIs: the server needs no file beside them.
    """
    pictures = _pictures(workspace, sample)
    tasks = [
        {
            "data": {
                "sticker_id": one.id,
                "drawn": sample.drawn,
                "html": _shown(pictures, [one.id, one.twin]),
            }
        }
        for one in sample.stickers
    ]
    paths = folder / TASKS, folder / SCREEN
    contents = json.dumps(tasks, ensure_ascii=False, indent=0), _screen(sample)
    for path, content in zip(paths, contents, strict=True):
        with atomic_file(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return paths


def _criterion(sample: Sample) -> str:
    told = {
        "duplicate": "It drops what shows the same as another sticker, which stands beside it.",
        "truncated": "It drops animations that break off before their end.",
        "refused": "It drops files that can't be opened as they are.",
    }
    return sample.doc or told.get(sample.rule, f"The rule {sample.rule} of the filter.")


def _pictures(workspace: Workspace, sample: Sample) -> dict[str, PagePicture]:
    wanted = {one.id for one in sample.stickers} | {one.twin for one in sample.stickers if one.twin}
    moving = animated_among(workspace, wanted)
    return load_pictures(workspace, wanted, moving[:_MOVING], side=_SIDE)


def _shown(pictures: Mapping[str, PagePicture], stickers: Sequence[str | None]) -> str:
    images = []
    for sticker in stickers:
        picture = pictures.get(sticker or "")
        if picture is not None:
            images.append(f'<img src="{picture.still}" alt="">')
            images += [f'<img src="{picture.motion}" alt="">'] if picture.motion else []
    return "".join(images) or "no picture: please skip it"


def _screen(sample: Sample) -> str:
    """Label Studio's configuration; the values of its choices are those of the answers."""
    title = html.escape(f"{sample.rule}: {_criterion(sample)} {_QUESTION}")
    choices = "".join(
        f'<Choice value="{value}" hotkey="{key}"/>'
        for value, key in (("drop", "d"), ("keep", "k"), ("unsure", "u"))
    )
    return (
        f'<View><Header value="{title}"/><HyperText name="sticker" value="$html" inline="true"/>'
        f'<Choices name="answer" toName="sticker" choice="single-radio" required="true">'
        f"{choices}</Choices></View>\n"
    )
