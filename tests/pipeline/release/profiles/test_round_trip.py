"""Data sets that were imported come out of a release as they went in."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.local.datasets import Terms, import_rows
from crawlers.local.imported import IMPORTED
from pipeline.datasets.emotion_layouts import MET_MEME, SER30K, join_views, split_views
from pipeline.datasets.layout import Layout, Row, read_every
from pipeline.datasets.met_meme import DETAILS, MetMemeRow
from pipeline.datasets.met_meme_files import MetMemeWriter
from pipeline.datasets.ser30k import Ser30kRow, Split
from pipeline.datasets.ser30k_files import Ser30kWriter
from pipeline.datasets.sticker820k import LAYOUT as STICKER820K
from pipeline.datasets.sticker820k_files import Sticker820kWriter
from pipeline.engine.workspace import Workspace
from pipeline.release.build import Release, build_release
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.make import make_profile, verify_folder
from schemas.config import Config, CrawlConfig
from schemas.release import SPLITS

VIEWS = ("intention", "style", "main_role", "character_details")
_SPLITS: dict[str, Split] = {"train": "train", "validation": "val", "test": "test"}


def split_of(image: bytes) -> str:
    """The same in all data sets that hold it."""
    return SPLITS[hashlib.sha256(image).digest()[0] % 3]


def write_ser30k(folder: Path, images: list[bytes]) -> None:
    texts = ("", '你好, "quoted"\n', "=1+1", "  spaces stay  ")
    with Ser30kWriter(folder) as writer:
        for number, image in enumerate(images):
            votes = (1 + number % 7, None if number == 4 else 3, 7)
            text, label = texts[number % 4], 1 + number % 7
            row = Ser30kRow(f"Topic {number % 3}", f"{number}.png", text, votes, label)
            writer.add(row, _SPLITS[split_of(image)], image, {})
        # The same bytes once more, under another name and with another text.
        again = Ser30kRow("Topic 0", "again.png", "other", (1, 1, 1), 1)
        writer.add(again, _SPLITS[split_of(images[0])], images[0], {})


def write_met_meme(folder: Path, images: list[bytes]) -> None:
    details = tuple(f'{name}, "of"\n{number}' for number, name in enumerate(DETAILS))
    with MetMemeWriter(folder, "E") as english, MetMemeWriter(folder, "C") as chinese:
        for number, image in enumerate(images):
            row = MetMemeRow(f"image ({number // 2}).jpg", 1 + number % 7, details)
            text = "" if number == 3 else f"字 {number}"
            (english if number % 2 else chinese).add(row, text, image)


def write_sticker820k(folder: Path, images: list[bytes]) -> None:
    infos = (
        {"caption": "一只猫", "ocr_text": "哈哈", "emotion_label": "开心", "style_class": "a"},
        {"caption": "  spaces stay ", "emotion_class": "joy"},
        {"ocr_text": "only text"},
        {},
        {"ocr_text": "", "caption": " "},
    )
    odd = ["e.png", "E.png", ".hid.png", " spaced.png", "[x]bot1.png"]
    folder.mkdir()
    with Sticker820kWriter(folder) as writer:
        for number, image in enumerate(images):
            name = odd[number] if number < len(odd) else f"{number}.gif"
            writer.add(name, split_of(image), infos[number % len(infos)], image)
        writer.add("again.gif", split_of(images[0]), {}, images[0])


# Sticker 0 is in the first and the last.
DATA_SETS = {
    "ser30k": (SER30K, write_ser30k, slice(0, 20)),
    "met-meme": (MET_MEME, write_met_meme, slice(20, 40)),
    "sticker820k-lmdb": (STICKER820K, write_sticker820k, slice(0, 60, 4)),
}


def bytes_of(row: Row) -> bytes:
    assert row.problem is None
    data = row.data if row.file is None else row.file.read_bytes()
    assert data is not None
    return data


def take_in(drawn: Any, layout: Layout, folder: Path, dataset: str) -> None:
    """Import a data set of drawn stickers, and put what that says into the drawn tables."""
    workspace = Workspace(folder.with_name(f"{dataset}-imported"))
    terms, rows = Terms("CC0-1.0", redistribute=True), read_every(layout, folder)
    found = import_rows(workspace, CrawlConfig(), dataset, rows, terms)
    assert found.failed == {}
    place = {id_: number for number, id_ in enumerate(drawn.ids)}
    for said in (row for *_, table in IMPORTED.run(workspace, {}) for row in table.to_pylist()):
        number = place[said["id"]]
        drawn.rows["imported"].append(said)
        drawn.rows["observations"][number]["redistribute"] = True
        drawn.rows["decisions"][number].update(kept=True, outcome="kept", reasons=[])
        drawn.rows["splits"][number]["split"] = split_of(drawn.bytes[number])
        drawn.rows["labels"][number].update(
            tags=said["tags"], status="effective", simulated=False, provenance="imported"
        )
    drawn.rows["imported"].sort(key=lambda row: place[row["id"]])


@pytest.fixture(scope="module")
def imported(new_drawn: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """The three data sets, and a release of all that they hold."""
    drawn, folder = new_drawn(), tmp_path_factory.mktemp("imported")
    for name, (layout, write, images) in reversed(DATA_SETS.items()):
        write(folder / name, drawn.bytes[images])
        take_in(drawn, layout, folder / name, name)
    settings = {"release": {"name": "drawn", "rows_per_file": 20}}
    return folder, build_release(drawn.write(folder / "w"), Config.model_validate(settings))


def every(layout: Layout, folder: Path) -> dict[str, Any]:
    """All that a data set says, by the names of its rows, and the bytes of their images."""
    return {row.id: (row.targets, row.split, row.texts, dict(row.record), bytes_of(row))
            for row in read_every(layout, folder)}  # fmt: skip


@pytest.mark.parametrize("name", DATA_SETS)
def test_rows_come_out_as_they_went_in(
    imported: tuple[Path, Release], tmp_path: Path, name: str
) -> None:
    folder, release = imported
    layout, _, images = DATA_SETS[name]
    made = make_profile(release.path, find_profile(name), tmp_path / "made")
    assert verify_folder(made.path).problems == ()
    before, after = every(layout, folder / name), every(layout, made.path)
    assert len(before) == len(range(60)[images]) + (name != "met-meme")
    # The others are stickers that the data set doesn't hold, each once, under names of ours.
    ours = {id_ for *_, image in before.values() if (id_ := hashlib.sha256(image).hexdigest())}
    others = {hashlib.sha256(after[row][-1]).hexdigest(): row for row in after.keys() - before}
    assert not ours & others.keys()
    assert len(others) == len(after) - len(before)
    assert all(id_ in row for id_, row in others.items())
    assert {row: said for row, said in after.items() if row not in others.values()} == before
    listed = pq.read_table(made.path / "stickers.parquet").to_pylist()
    assert len(listed) == len(after)
    for each in listed:
        if each["id"] in ours:
            image = next(said[-1] for row, said in before.items() if row.endswith(each["file"]))
            assert (each["id"], each["split"]) == (
                hashlib.sha256(image).hexdigest(), split_of(image)
            )  # fmt: skip


@given(st.dictionaries(st.sampled_from(VIEWS), st.text() | st.just("#The sticker's style is")))
def test_views_that_were_joined_are_split_into_the_same(views: dict[str, str]) -> None:
    text = join_views(views)
    again = split_views(text)
    assert again.keys() == {name for name, view in views.items() if view.strip()}
    assert join_views(again) == text


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 7))))
def test_any_text_stands_in_a_table_of_met_meme(rows: list[tuple[str, int]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([[text, str(number)] for text, number in rows])
    whole = file.getvalue().encode("gb18030").decode("gb18030")
    assert list(csv.reader(io.StringIO(whole, newline=""))) == [[t, str(n)] for t, n in rows]
