"""Hugging Face image data sets: any columns by a map, class labels by name, nothing believed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_tables import IMAGE, image_table, picture, write_table

from pipeline.datasets.class_labels import names_of
from pipeline.datasets.column_map import FIELDS, read_mapping
from pipeline.datasets.image_tables import COLUMNS_FILE, HF, VSD2M, image_tables
from pipeline.datasets.layout import Row, read_every
from pipeline.datasets.problems import Problem
from pipeline.engine.errors import StickerworksError

LABEL = {"_type": "ClassLabel", "names": ["高兴", "sad"]}


def rows_of(folder: Path, mapping: str) -> list[Row]:
    return list(read_every(image_tables("hf", lambda path: read_mapping(mapping)), folder))


def problems_of(folder: Path, mapping: str) -> list[Problem]:
    return list(image_tables("hf", lambda path: read_mapping(mapping)).problems(folder))


def images(*numbers: int) -> list[dict[str, Any]]:
    return [{"bytes": picture(n), "path": f"{n}.png"} for n in numbers]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_columns_become_what_they_are_mapped_to(tmp_path: Path, ending: str) -> None:
    columns = {
        "img": images(0, 1, 2),
        "label": [1, 0, -1],
        "kinds": [[0, 1], [], None],
        "said": ["哈哈", " ", None],
        "found": [["cat", "猫"], ["dog"], []],
        "token": ["a word", "b", "c"],
        "score": [0.5, float("nan"), 1.0],
    }
    features = {"label": LABEL, "kinds": {"feature": LABEL, "_type": "List"}}
    types = {"img": IMAGE}
    write_table(tmp_path / f"train/data-0.{ending}", image_table(columns, features, types))
    write_table(tmp_path / f"dev/data-0.{ending}", image_table(columns, features, types))
    given = "image=img,emotion=label,tags=kinds,text=said,trigger_words=found"
    found = rows_of(tmp_path, given)
    assert [row.split for row in found] == ["validation"] * 3 + ["train"] * 3
    first, second, third = found[3:]
    assert first.data == picture(0)
    assert (first.targets, first.trigger_words) == (frozenset({"高兴", "sad"}), ("cat", "猫"))
    assert first.texts == {"ocr_text": "哈哈", "emotion": "sad"}
    assert second.texts == {"emotion": "高兴"}
    assert (third.texts, third.targets) == ({}, frozenset())
    assert first.record["token"] == "a word"
    assert (first.record["score"], "score" in second.record) == (0.5, False)
    assert "img" not in first.record
    assert len({row.id for row in found}) == 6
    assert not problems_of(tmp_path, given)


def test_trainers_read_it_once_a_file_beside_it_says_its_columns(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img/a.png").write_bytes(picture(1))
    table = image_table({"file": ["img/a.png", "img/b.png"], "class": ["x", "y"]})
    write_table(tmp_path / "test-00000-of-00001.parquet", table)
    assert not HF.recognises(tmp_path)
    (tmp_path / COLUMNS_FILE).write_text("image: file\ntags: class\n", encoding="utf-8")
    assert HF.recognises(tmp_path)
    first, second = HF.rows(tmp_path, "test")
    assert (first.data, first.targets) == (picture(1), frozenset({"x"}))
    assert (second.data, second.problem) == (None, "No such file or directory")
    assert list(HF.rows(tmp_path, "train")) == []


def test_vsd2m_has_columns_of_its_own_names(tmp_path: Path) -> None:
    columns = {"id": ["ab"], "image": images(3), "caption_zh": ["猫"], "trigger_words": [["猫"]],
               "domain": ["cartoon"], "licence": ["CC0"], "test_sets": [["vsd_c"]]}  # fmt: skip
    write_table(tmp_path / "train.parquet", image_table(columns, {}, {"image": IMAGE}))
    (row,) = read_every(VSD2M, tmp_path)
    assert (row.id, row.trigger_words, row.test_sets) == ("ab", ("猫",), ("vsd_c",))
    assert row.texts == {"caption_zh": "猫", "domain": "cartoon"}
    assert row.origin == {"licence": "CC0", "licence_basis": "item"}


def test_captions_of_the_template_are_no_texts_of_vsd2m(tmp_path: Path) -> None:
    columns = {"image": images(1, 2), "caption_en": ["about x", "a cat"],
               "captioner": ["template", "openai"]}  # fmt: skip
    write_table(tmp_path / "train.parquet", image_table(columns, {}, {"image": IMAGE}))
    assert [row.texts for row in read_every(VSD2M, tmp_path)] == [{}, {"caption_en": "a cat"}]


def test_images_that_lead_elsewhere_have_no_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(picture(0))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "ring.png").symlink_to(folder / "ring.png")
    os.mkfifo(folder / "pipe.png")
    paths = ["../secret.png", str(tmp_path / "secret.png"), "link.png", "pipe.png", "ring.png",
             "a\0b", "", None]  # fmt: skip
    write_table(folder / "data.parquet", image_table({"file": paths}))
    found = rows_of(folder, "image=file")
    assert [row.problem is not None for row in found] == [True] * len(paths)
    assert [row.data for row in found] == [None] * len(paths)
    outside = "the path of its image leads out of the data set's folder"
    assert [found[0].problem, found[1].problem] == [outside] * 2
    assert found[2].problem == "it is a link that leads out of the data set's folder"
    assert found[3].problem == "it is no file"


def test_cells_of_other_kinds_are_told_and_empty(tmp_path: Path) -> None:
    columns = {
        "img": images(0, 1),
        "label": [7, 1],
        "text": [[1.5], [2.5]],
        "one": [["a", "b"]] * 2,
    }
    table = image_table(columns, {"label": LABEL}, {"img": IMAGE})
    write_table(tmp_path / "a.parquet", table)
    mapping = "image=img,tags=label,text=text,style=one"
    first, second = rows_of(tmp_path, mapping)
    assert (first.targets, second.targets) == (frozenset(), frozenset({"sad"}))
    assert [row.texts for row in (first, second)] == [{"style": "a"}] * 2
    told = [str(problem) for problem in problems_of(tmp_path, mapping)]
    assert told[0].startswith("a.parquet row 1, label: 7 is no text, class label")
    assert len(told) == 5
    assert not any(problem.left_out for problem in problems_of(tmp_path, mapping))


def test_a_text_that_is_no_utf8_costs_its_cell(tmp_path: Path) -> None:
    raw = pa.array([b"fine", b"\xff\xfe", b"too"])
    lying = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    table = pa.table({"img": pa.array(images(0, 1, 2), IMAGE), "said": lying})
    write_table(tmp_path / "train.parquet", table)
    found = rows_of(tmp_path, "image=img,text=said")
    assert [row.texts.get("ocr_text") for row in found] == ["fine", None, "too"]
    (problem,) = problems_of(tmp_path, "image=img,text=said")
    assert str(problem) == "train.parquet row 2, said: its text is no UTF-8"


FAR = 2**52
TIMES = {
    "nanoseconds": pa.array([1_600_000_000_000_000_001, None], pa.timestamp("ns")),
    "far": pa.array([0, FAR], pa.timestamp("s")),
    "zone": pa.array([0, 1], pa.timestamp("us", "Nowhere/Here")),
    "duration": pa.array([5, FAR], pa.duration("s")),
    "day": pa.array([0, 2**31 - 1], pa.date32()),
    "within": pa.array([[0], [FAR]], pa.list_(pa.timestamp("s"))),
    "time": pa.array([1, 86_399_999_999_999], pa.time64("ns")),
}


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_times_of_any_kind_cost_their_cell_at_most(tmp_path: Path, name: str, ending: str) -> None:
    columns = {"img": pa.array(images(0, 1), IMAGE), "said": pa.array(["a", "b"])}
    write_table(tmp_path / f"train.{ending}", pa.table({**columns, name: TIMES[name]}))
    found = rows_of(tmp_path, "image=img,text=said")
    assert [row.texts for row in found] == [{"ocr_text": "a"}, {"ocr_text": "b"}]
    assert [row.data for row in found] == [picture(0), picture(1)]
    told = problems_of(tmp_path, "image=img,text=said")
    assert {each.column for each in told} <= {name}
    assert not any("<" in str(row.record.get(name)) for row in found)
    assert sum(name in row.record for row in found) + len(told) >= (
        1 if name == "nanoseconds" else 2
    )


def test_a_class_labels_names_are_read_once_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"img": images(*range(40)), "label": [1] * 40}
    table = image_table(columns, {"label": LABEL}, {"img": IMAGE})
    write_table(tmp_path / "train.parquet", table)
    asked: list[str] = []

    def counting(schema: Any, column: str) -> Any:
        asked.append(column)
        return names_of(schema, column)

    monkeypatch.setattr("pipeline.datasets.image_tables.names_of", counting)
    assert {row.targets for row in rows_of(tmp_path, "image=img,tags=label")} == {
        frozenset({"sad"})
    }
    assert sorted(asked) == ["img", "label"]


def broken_files() -> Iterator[tuple[str, bytes]]:
    table = image_table({"img": images(0, 1), "n": [1, 2]}, {}, {"img": IMAGE})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    parquet = sink.getvalue().to_pybytes()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    arrow = sink.getvalue().to_pybytes()
    yield "cut.parquet", parquet[: len(parquet) // 2]
    yield "cut.arrow", arrow[: len(arrow) * 2 // 3]
    yield "empty.parquet", b""
    yield "text.parquet", b"no table"
    yield "footer.arrow", b"ARROW1" + bytes(64)
    # The image's offsets: of the struct's first child, they say that it begins far beyond the file.
    at = arrow.index(len(picture(0)).to_bytes(4, "little"))
    yield "lies.arrow", arrow[:at] + (2**31 - 1).to_bytes(4, "little") + arrow[at + 4 :]


@pytest.mark.parametrize(("name", "data"), [*broken_files()], ids=lambda value: str(value)[:20])
def test_files_that_break_off_or_lie_are_told_in_a_line(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(StickerworksError, match=f"{name} can't be read from its") as told:
        rows_of(tmp_path, "image=img")
    assert "\n" not in str(told.value)


def test_a_folder_without_tables_or_columns_is_told(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="no Parquet or Arrow file"):
        rows_of(tmp_path, "image=img")
    write_table(tmp_path / "a.parquet", image_table({"img": images(0)}, {}, {"img": IMAGE}))
    with pytest.raises(StickerworksError, match=r"a.parquet has no column tag; it has img"):
        rows_of(tmp_path, "image=img,tags=tag")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("img", "can't be read"),
        ("image=img,tags", "which is no pair"),
        ("tags=label", "doesn't say which column holds the image"),
        ("image=img,tag=label", "did you mean tags"),
        ("image=img,tags=", "names tags without a column"),
        ("image=img,text=a,ocr_text=b", "names ocr_text twice"),
        ("image=img,\x1b[31m=b", "no field"),
    ],
)
def test_a_map_that_is_none_is_told(given: str, told: str) -> None:
    with pytest.raises(StickerworksError, match=told) as error:
        read_mapping(given)
    assert "\x1b" not in str(error.value)


def test_a_map_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("image: img\nlabels: class\n", encoding="utf-8")
    assert read_mapping(str(path)).columns == {"image": "img", "tags": "class"}
    for content in ("- image", "image: 5", "image: [a", "!!python/object:os.system {}"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(StickerworksError, match=r"map\.yaml is no"):
            read_mapping(str(path))


@given(st.dictionaries(st.sampled_from(FIELDS), st.from_regex(r"[\w ]{0,5}\w", fullmatch=True)))
def test_a_map_is_read_as_it_is_typed(columns: dict[str, str]) -> None:
    given = {**columns, "image": "img"}
    typed = ",".join(f"{field}= {column}" for field, column in given.items())
    expected = {field: column.strip() for field, column in given.items()}
    assert read_mapping(typed).columns == expected


@pytest.mark.parametrize("said", [b"", b"[", b"[]", b'{"info": 3}', b"[" * 100_000, b"\xff"])
def test_class_labels_of_a_strangers_metadata_are_none(said: bytes) -> None:
    schema = pa.schema([pa.field("label", pa.int64())], metadata={b"huggingface": said})
    assert names_of(schema, "label") is None
