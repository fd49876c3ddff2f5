"""What stands on the sheet of a workspace: whose stickers, which names, what was taken over."""

import io
from collections.abc import Callable

import numpy as np
import openpyxl
import pytest
from PIL import Image
from table_rows import put

from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.carry import Carried
from pipeline.tags.naming.page.shown import read_shown
from pipeline.tags.naming.rows import ADD, NamingRow
from pipeline.tags.naming.sheet.contents import SIDE, make_sheet
from pipeline.tags.naming.sheet.how_to import cut_lines
from pipeline.tags.naming.sheet.strips import draw_strip
from pipeline.tags.naming.sheet.workbook import sheet_xlsx
from pipeline.tags.naming.showing import choose_stickers


def still(colour: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (300, 150), colour).save(target, "JPEG")
    return target.getvalue()


@pytest.fixture
def workspace(stickers: Callable[..., Workspace]) -> Workspace:
    """Stickers in two shards; cluster 0 has the keywords near, far, farthest, by distance."""
    shown = [("d", "near"), ("a", "far"), ("b", "far"), ("c", "farthest"), ("e", "other")]
    shards = [
        [{"id": id_ * 64, "query": query} for id_, query in shown[:3]]
        + [{"id": "f" * 64, "query": "near", "kept": False}],
        [{"id": id_ * 64, "query": query} for id_, query in shown[3:]]
        + [{"id": "a" * 64, "query": "near"}],
    ]
    made = stickers(shards)
    keywords = [("near", 0.1, "c0"), ("far", 0.5, "c0"), ("farthest", 0.9, "c0"),
                ("other", 0.0, "t001"), ("!", None, None)]  # fmt: skip
    put(made, "clusters", [
        {"keyword": keyword, "distance": distance, "key": key,
         "state": "unclustered" if key is None else "clustered"}
        for keyword, distance, key in keywords
    ])  # fmt: skip
    counts = {"near": 3, "far": 2, "farthest": 1, "other": 1}
    put(made, "keywords", [{"keyword": text, "stickers": n} for text, n in counts.items()])
    put(made, "proposals", [
        {"key": "c0", "name": "=near", "terms": ["near"], "exemplars": ["near", "far"],
         "keywords": 3, "stickers": 4, "flags": ["oversized"], "version": "v1"},
        {"key": "t001", "tag": "t001", "name": "别的", "english": "other", "group": "g",
         "aliases": ["o"], "exemplars": ["other"], "keywords": 1, "stickers": 1, "flags": [],
         "version": "v1"},
    ])  # fmt: skip
    for part, shard in enumerate(shards):
        rows = [
            {"id": row["id"], "key_frames": [{"jpeg": still(("red", "blue")[part])}]}
            for row in {row["id"]: row for row in shard}.values()
        ]
        put(made, "frames", rows, part)
    return made


def test_the_keywords_of_kept_stickers_take_turns_each_sticker_once(workspace: Workspace) -> None:
    chosen = choose_stickers(workspace, ["c0", "t001", "c9"], 3, ())
    shown = {key: [(id_[0], keyword) for id_, keyword in found] for key, found in chosen.items()}
    # Stickers a and d carry "near", a in the second shard alone.
    assert shown == {
        "c0": [("a", "near"), ("b", "far"), ("c", "farthest")],
        "t001": [("e", "other")],
    }
    withheld = choose_stickers(workspace, ["c0"], 3, {"b" * 64})
    assert [id_[0] for id_, _ in withheld["c0"]] == ["a", "c", "d"]


def test_names_stay_blank_but_for_tags_that_have_one(workspace: Workspace) -> None:
    sheet = make_sheet(workspace, {"c0": ("近", "near")})
    (cluster, tag) = sheet.rows
    assert cluster.filled == NamingRow(key="c0", version="v1")
    assert (cluster.suggested, cluster.suggested_english) == ("近", "near")
    assert make_sheet(workspace).rows[0].suggested == "=near"
    assert tag.filled == NamingRow(
        key="t001", decision="keep", name="别的", english="other", group="g", aliases=("o",),
        version="v1",
    )  # fmt: skip
    assert (sheet.version, sheet.unclustered) == ("v1", 1)
    assert (len(cluster.pictures), len(tag.pictures)) == (4, 1)


def test_a_note_stays_with_its_tag(workspace: Workspace) -> None:
    put(workspace, "naming", [{"number": 1, "key": "c9", "decision": "keep", "note": "as agreed"}])
    put(workspace, "named_tags", [
        {"number": 1, "id": "t001", "tag": "别的", "version": "v", "keys": ["c9"]}
    ])  # fmt: skip
    assert [row.filled.note for row in make_sheet(workspace).rows] == ["", "as agreed"]
    assert [row["note"] for row in read_shown(workspace, {}).rows] == ["", "as agreed"]


def test_what_people_flagged_is_not_shown(workspace: Workspace) -> None:
    put(workspace, "flags", [{"id": "e" * 64, "reviewer": "ann", "flags": ["offensive"]}])
    assert make_sheet(workspace).rows[1].pictures == ()


def test_what_was_taken_over_stands_on_the_sheet(workspace: Workspace) -> None:
    row = NamingRow(key="c0", decision="drop", note="too mixed", version="v1")
    added = NamingRow(decision=ADD, name="猫", keywords=("猫",))
    gone = NamingRow(key="c7", decision="keep", name="狗")
    sheet = make_sheet(workspace, carried=Carried({"c0": row}, (added,), (gone,)))
    assert sheet.rows[0].filled == row
    assert sheet.added == (added,)
    book = openpyxl.load_workbook(io.BytesIO(sheet_xlsx(sheet)))
    told = [cell.value for cell in book["how to"]["B"] if cell.value]
    assert "not taken over: c7 (keep 狗)" in told
    assert any(text.startswith("one keyword is in no cluster") for text in told)
    assert book["added"]["A2"].value == "猫"


def test_what_no_cell_holds_is_told(workspace: Workspace) -> None:
    added = NamingRow(decision=ADD, name="猫", keywords=tuple(f"keyword {n}" for n in range(4000)))
    sheet = make_sheet(workspace, carried=Carried({}, (added,)))
    assert [line[:15] for line in cut_lines(sheet)] == ["keywords of 猫 i"]
    assert cut_lines(make_sheet(workspace)) == []


def test_the_workbook_helps_people_to_fill_it_in(workspace: Workspace) -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheet_xlsx(make_sheet(workspace))))
    sheet = book["clusters"]
    heads = {cell.value: cell.column_letter for cell in sheet[1]}
    (offered,) = sheet.data_validations.dataValidation
    assert offered.formula1 == '"keep,merge,drop,block"'
    assert str(offered.sqref) == f"{heads['decision']}2:{heads['decision']}3"
    assert (sheet.freeze_panes, sheet.auto_filter.ref[:2]) == ("B2", "A1")
    suggested = sheet[f"{heads['suggested name']}2"]
    assert (suggested.value, suggested.data_type, suggested.quotePrefix) == ("=near", "s", True)
    # Typed into, a cell of text keeps 3-8 and 007 as they are.
    assert sheet[f"{heads['name']}2"].number_format == "@"
    flagged = sheet[f"{heads['flags']}2"].fill.fgColor.rgb
    assert flagged != sheet[f"{heads['flags']}3"].fill.fgColor.rgb
    anchors = [image.anchor for image in sheet._images]
    assert [(anchor._from.row, anchor.to.row, anchor._from.col) for anchor in anchors] == [
        (1, 1, 1),
        (2, 2, 1),
    ]


def test_stickers_stand_side_by_side_within_squares() -> None:
    data, width, height = draw_strip([still("red"), still("blue")])
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert pixels.shape == (height, width, 3)
    middle = pixels[SIDE // 2]
    assert middle[SIDE // 2, 0] > 200 > middle[SIDE // 2, 2]
    assert middle[-SIDE // 2, 2] > 200 > middle[-SIDE // 2, 0]
