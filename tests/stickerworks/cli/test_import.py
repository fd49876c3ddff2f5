"""`stickerworks import`: what it says of data sets, of its options and of what is hostile."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emotion_sets import write_met_meme, write_ser30k
from image_tables import IMAGE, image_table, picture, write_table
from sticker820k_files import write_sticker820k

from pipeline.datasets.met_meme import MetMemeRow
from pipeline.datasets.ser30k import Ser30kRow
from stickerworks.cli.main import _run

Import = Callable[..., tuple[int, str, Any]]


@pytest.fixture
def import_(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Import:
    """Runs the command; its exit code, what it said, and its answer."""

    def call(*arguments: object) -> tuple[int, str, Any]:
        capfd.readouterr()
        code = _run(["import", *map(str, arguments), "--json", "--workspace", str(tmp_path / "w")])
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        assert "\x1b]" not in said.err
        return code, said.err, json.loads(said.out)["import"] if said.out.strip() else None

    return call


def accounted(found: dict[str, Any]) -> int:
    failed = sum(found["failed"].values())
    return int(found["stickers"] + found["same_bytes"] + failed + found["left_out"])


def ser30k(root: Path, *rows: Ser30kRow) -> Path:
    for row in rows:
        (root / row.image).parent.mkdir(parents=True, exist_ok=True)
        (root / row.image).write_bytes(picture(row.label))
    write_ser30k(root, {"train": rows})
    return root


def test_it_tells_what_became_of_every_row(import_: Import, tmp_path: Path) -> None:
    rows = [Ser30kRow("a", f"{n}.png", "", (1, 1, 1), label) for n, label in enumerate((1, 2, 2))]
    folder = ser30k(tmp_path / "set", *rows)
    path = folder / "Annotations/image-level/train.json"
    content = json.loads(path.read_text())
    content["annotations"] += [{"topic": "\x1b]0;x\x07", "file_name": "x", "anno": 1}, 5]
    content["annotations"].append({**rows[0].cells, "file_name": "lost.png"})
    path.write_text(json.dumps(content))
    code, said, found = import_("ser30k", folder)
    assert code == 3
    assert "ser30k: 6 rows = 2 stickers + 1 with the same bytes + 3 without a sticker" in said
    assert "NO BYTES of this data set go into a release" in said
    assert found["rows"] == 6 == accounted(found)
    assert (found["left_out"], found["failed"]) == (2, {"unusable_row": 1})
    kept = (tmp_path / "w/crawl/import-ser30k.jsonl").read_text("utf-8").splitlines()
    columns = [json.loads(line).get("column") for line in kept]
    assert columns == ["topic", "anno1", "anno2", "anno3", "row", None]
    assert "No such file" in said


def test_a_licence_that_somebody_states_lets_bytes_go(import_: Import, tmp_path: Path) -> None:
    folder = ser30k(tmp_path / "set", Ser30kRow("a", "1.png", "", (1, 1, 1), 1))
    code, said, _ = import_("ser30k", folder, "--licence", "CC0-1.0", "--redistribute")
    assert (code, "Releases will carry these bytes, as 'CC0-1.0'" in said) == (0, True)
    code, said, _ = import_("ser30k", folder, "--licence", " ", "--redistribute")
    assert (code, "Name it: --licence NAME" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ser3k", "."], "did you mean ser30k"),
        (["ser30k", "nowhere"], "There is no folder"),
        (["ser30k", "."], "isn't laid out as ser30k is"),
        (["ser30k", ".", "--map", "image=a"], "--map is for hf"),
        (["hf", "."], "Nobody knows which columns"),
        (["hf", ".", "--map", "tags=a"], "which column holds the image"),
        (["vsd2m", "."], "no Parquet or Arrow file"),
        (["sticker820k", "."], "isn't laid out as sticker820k is"),
        (["release", "."], "isn't laid out as release is"),
        (["vsd2m", ".", "--name", "../up"], "can't be the name of a data set"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    import_: Import,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, said, found = import_(*arguments)
    assert (code, told in said, found) == (1, True, None), said
    assert not (tmp_path / "w/tables/stickers").exists()


class Call:
    """Pickled, it asks for a call."""

    def __reduce__(self) -> Any:
        return os.system, ("touch called",)


def test_a_pickle_that_calls_something_is_refused(
    import_: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    info = {"caption": "猫", "emotion_label": "开心"}
    folder = write_sticker820k(
        tmp_path / "set",
        {"good.png": info, "bad.png": pickle.dumps(Call())},
        {"good.png": picture(1), "bad.png": picture(2)},
        train=["good.png", "bad.png"],
    )
    code, said, found = import_("sticker820k", folder)
    assert (code, found["stickers"], found["failed"]) == (3, 1, {"unusable_row": 1})
    assert "is refused: it asks for" in said
    assert not (tmp_path / "called").exists()


def test_an_lmdb_that_is_cut_off_is_told_and_what_is_there_stays(
    import_: Import, tmp_path: Path
) -> None:
    infos = {f"{n}.png": {"caption": "x" * 3000} for n in range(9)}
    images = {name: picture(n) for n, name in enumerate(infos)}
    folder = write_sticker820k(tmp_path / "set", infos, images, train=list(infos))
    assert import_("sticker820k", folder)[0] == 0
    path = folder / "imgs/data.mdb"
    path.write_bytes(path.read_bytes()[:8192])
    code, said, _ = import_("sticker820k", folder)
    assert (code, "can't be read as Sticker820K's" in said) == (1, True)
    assert list((tmp_path / "w/tables/stickers").glob("*.parquet")), "the tables stay"


def test_tables_that_are_bombs_or_deep_cost_a_line(import_: Import, tmp_path: Path) -> None:
    rows = [MetMemeRow("a.png", 1)]
    folder = tmp_path / "met"
    (folder / "Eimages").mkdir(parents=True)
    (folder / "Eimages/a.png").write_bytes(picture(1))
    write_met_meme(folder / "label_E.csv", rows, folder / "E_text.csv", {"a.png": "x"})
    (folder / "E_text.csv").write_bytes(b"file_name,text\r\na.png," + b"x" * 200_000)
    code, said, _ = import_("met_meme", folder)
    assert (code, "E_text.csv can't be read as CSV: field larger" in said) == (1, True)
    deep = ser30k(tmp_path / "ser", Ser30kRow("a", "1.png", "", (1, 1, 1), 1))
    for name in ("all_annos", "image-level/train"):
        (deep / f"Annotations/{name}.json").write_bytes(b'{"annotations": ' + b"[" * 200_000)
    code, said, _ = import_("ser30k", deep)
    assert (code, "can't be read as JSON" in said) == (1, True)


def test_links_out_of_the_folder_bring_nothing(import_: Import, tmp_path: Path) -> None:
    folder = ser30k(tmp_path / "set", Ser30kRow("a", "1.png", "", (1, 1, 1), 1))
    (tmp_path / "secret.png").write_bytes(picture(5))
    (folder / "Images/a/1.png").unlink()
    (folder / "Images/a/1.png").symlink_to(tmp_path / "secret.png")
    code, said, found = import_("ser30k", folder)
    assert (code, found["stickers"]) == (3, 0)
    assert "it is a link that leads out of the data set's folder" in said


def test_problems_go_to_a_file_and_the_first_are_told(import_: Import, tmp_path: Path) -> None:
    folder = ser30k(tmp_path / "set", Ser30kRow("a", "1.png", "", (1, 1, 1), 1))
    path = folder / "Annotations/image-level/train.json"
    content = json.loads(path.read_text())
    bad = [{"topic": "", "file_name": f"{n}", "anno": 9} for n in range(300)]
    content["annotations"] += bad
    path.write_text(json.dumps(content))
    code, said, found = import_("ser30k", folder)
    kept = (tmp_path / "w/crawl/import-ser30k.jsonl").read_text("utf-8").splitlines()
    assert (code, found["left_out"], found["problems"], len(kept)) == (3, 300, 1500, 1500)
    assert [json.loads(line)["row"] for line in kept[::5]] == list(range(2, 302))
    assert len(found["first_problems"]) == 10
    assert "and 1,490 more, in" in said


def test_rows_that_state_a_licence_keep_it_and_are_told(import_: Import, tmp_path: Path) -> None:
    images = [{"bytes": picture(n), "path": None} for n in range(3)]
    said_of = ["CC-BY-NC-ND-4.0", None, "CC-BY-NC-ND-4.0"]
    table = image_table({"img": images, "terms": said_of}, {}, {"img": IMAGE})
    write_table(tmp_path / "set/train.parquet", table)
    columns = ("--map", "image=img,licence=terms", "--licence", "MIT", "--redistribute")
    code, said, found = import_("hf", tmp_path / "set", *columns)
    assert (code, found["own_licence"]) == (0, 2)
    assert "2 rows state a licence of their own, which they keep, 'CC-BY-NC-ND-4.0' 2" in said
    assert "Releases will carry these bytes, as 'MIT' where a row states none" in said


def test_any_data_set_comes_in_by_a_map(import_: Import, tmp_path: Path) -> None:
    images = [{"bytes": picture(n), "path": None} for n in range(2)]
    table = image_table({"img": images, "word": [["猫"], ["狗"]]}, {}, {"img": IMAGE})
    write_table(tmp_path / "my set!/train.parquet", table)
    code, said, found = import_("hf", tmp_path / "my set!", "--map", "image=img,tags=word")
    assert (code, found["dataset"], found["stickers"]) == (0, "my_set", 2)
    code, said, found = import_(
        "hf", tmp_path / "my set!", "--map", "image=img,tags=word", "--dry-run"
    )
    assert (code, found["rows"]) == (0, 2)
    assert "would take in 2 rows as my_set" in said
