"""Captions become chats that trainers of vision-language models read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import Image as Picture
from datasets import List, load_dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from annotation.handoff.chat import export_sft
from annotation.handoff.prompts import CHINESE, ENGLISH, IMAGE, PROMPTS
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from schemas.tables import KEY_FRAME, TABLES

Draw = Callable[..., bytes]


def chats(folder: Path, name: str = "train") -> list[dict[str, Any]]:
    """Lines as trainers read them, each checked: roles in turn, a placeholder a picture."""
    found = []
    for line in (folder / f"{name}.jsonl").read_text("utf-8").split("\n")[:-1]:
        chat = json.loads(line)
        assert set(chat) == {"messages", "images"}
        roles = [message["role"] for message in chat["messages"]]
        assert roles in (["system", "user", "assistant"], ["user", "assistant"])
        contents = [message["content"] for message in chat["messages"]]
        assert contents[-2].count(IMAGE) == len(chat["images"]) > 0
        assert not any(IMAGE in text for text in (*contents[:-2], contents[-1]))
        for image in chat["images"]:
            assert (folder / image).resolve().is_relative_to(folder.resolve())
            with Image.open(folder / image) as picture:
                picture.load()
        found.append(chat)
    return found


def answers(folder: Path, name: str = "train") -> list[str]:
    return [chat["messages"][-1]["content"] for chat in chats(folder, name)]


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    rows = map(json.loads, (folder / "manifest.jsonl").read_text("utf-8").splitlines())
    return {row["id"]: row for row in rows}


def test_a_still_is_asked_about_with_its_picture(
    bench: Any, drawn: Draw, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    jpeg = drawn(["HI"])
    bench.add("a", [jpeg], [])
    bench.say("a", "A sign that says hi")
    export_sft(bench.write(), tmp_path / "out")
    (chat,) = chats(tmp_path / "out")
    assert chat["messages"] == [
        {"role": "system", "content": ENGLISH.system},
        {"role": "user", "content": f"<image>\n{ENGLISH.still}"},
        {"role": "assistant", "content": "A sign that says hi"},
    ]
    assert chat["images"] == [f"images/{id_of('a')}-0.jpg"]
    assert (tmp_path / "out" / chat["images"][0]).read_bytes() == jpeg


def test_an_animation_is_asked_about_with_the_times_of_its_frames(
    bench: Any, drawn: Draw, tmp_path: Path
) -> None:
    bench.add("a", [drawn(["1"]), drawn(["2"])], [])
    bench.say("a", "One becomes two", "一变成二")
    export_sft(bench.write(), tmp_path / "out")
    english, chinese = chats(tmp_path / "out")
    assert english["messages"][1]["content"] == (
        f"Frame 1 at 0.0 s: <image>\nFrame 2 at 0.1 s: <image>\n{ENGLISH.animation}"
    )
    assert chinese["messages"][1]["content"] == (
        f"第1帧（0.0秒）：<image>\n第2帧（0.1秒）：<image>\n{CHINESE.animation}"
    )
    assert english["images"] == chinese["images"]


def test_datasets_loads_both_forms_and_opens_their_pictures(
    bench: Any, drawn: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("a", [drawn(["1"]), drawn(["2"])], [])
    bench.add("b", [drawn(["3"])], [])
    bench.add("v", [drawn(["4"])], [], split="validation")
    for name in "abv":
        bench.say(name, f"Somebody shows {name}")
    export_sft(bench.write(), tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    for folder in ("", "trl/"):
        files = {name: f"{folder}{name}.jsonl" for name in ("train", "validation")}
        found = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
        assert found.num_rows == {"train": 2, "validation": 1}
        opened = found["train"].cast_column("images", List(Picture()))
        for row in opened:
            assert [picture.format for picture in row["images"]] == ["JPEG"] * len(row["images"])
            content = row["messages"][1]["content"]
            if folder:
                places = [part["type"] for part in content].count("image")
                assert not any(IMAGE in (part["text"] or "") for part in content)
            else:
                places = content.count(IMAGE)
            assert places == len(row["images"])


def test_the_index_of_llama_factory_names_files_that_are_there(
    bench: Any, drawn: Draw, tmp_path: Path
) -> None:
    bench.add("a", [drawn(["1"])], [])
    bench.say("a", "One")
    export_sft(bench.write(), tmp_path / "out")
    index = json.loads((tmp_path / "out/dataset_info.json").read_text())
    assert list(index) == ["sticker_captions_train"]
    (entry,) = index.values()
    assert (tmp_path / "out" / entry["file_name"]).is_file()
    message = chats(tmp_path / "out")[0]["messages"][0]
    assert set(message) == {entry["tags"]["role_tag"], entry["tags"]["content_tag"]}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=10), st.sampled_from(["<image>", "<|im_end|>", "<video>", "<im\u200bage>"]))
def test_no_caption_breaks_the_count_of_pictures(
    bench: Any, drawn: Draw, tmp_path: Path, text: str, token: str
) -> None:
    bench.stickers.clear()
    bench.votes.clear()
    bench.add("a", [drawn(["1"])], [])
    bench.say("a", f"somebody writes words {token}{text}{token}")
    export_sft(bench.write(), tmp_path / "out")
    if not (tmp_path / "out/train.jsonl").exists():
        return  # in another script
    for answer in answers(tmp_path / "out"):
        assert "<image>" not in answer
        assert "<|im_end|>" not in answer
        assert answer.startswith("somebody writes words")


def test_test_stickers_and_dropped_ones_leave_no_trace_but_a_reason(
    bench: Any, drawn: Draw, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    facts: dict[str, dict[str, Any]] = {
        "train": {}, "val": {"split": "validation"}, "test": {"split": "test"},
        "dropped": {"kept": False}, "near": {"group": "test"},
    }  # fmt: skip
    for name, more in facts.items():
        bench.add(name, [drawn([name])], [], **more)
        bench.say(name, f"This is {name}")
    bench.say("stranger", "Who is this")
    summary = export_sft(bench.write(), tmp_path / "out")
    assert answers(tmp_path / "out") == ["This is train"]
    assert answers(tmp_path / "out", "validation") == ["This is val"]
    rows = manifest(tmp_path / "out")
    assert {rows[id_of(name)]["reason"] for name in ("test", "dropped", "near", "stranger")} == {
        "it is in test", "it was dropped", "a sticker related to it is in test",
        "the workspace doesn't have it",
    }  # fmt: skip
    pictures = sorted(path.name for path in (tmp_path / "out").rglob("*.jpg"))
    assert pictures == sorted(f"{id_of(name)}-0.jpg" for name in ("train", "val"))
    assert sum(summary.left_out.values()) == 4


def test_what_a_model_wrote_is_left_out_and_told(
    bench: Any, drawn: Draw, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    machine = [{"field": "description", "language": "en", "text": "A sign."}]
    template = [{"text": "A notice", "captioner": "template"}]
    bench.add("left", [drawn(["1"])], [], captions=machine)
    bench.add("mine", [drawn(["2"])], [], captions=machine + template)
    bench.say("left", "A sign")
    bench.say("mine", "A sign", "A notice")
    summary = export_sft(bench.write(), tmp_path / "out")
    assert answers(tmp_path / "out") == ["A notice"]
    unchanged = "the machine's caption was left as it was"
    assert manifest(tmp_path / "out")[id_of("left")]["reason"] == unchanged
    assert manifest(tmp_path / "out")[id_of("mine")]["left_out"] == {unchanged: 1}
    assert summary.captions_left_out == {unchanged: 2}
    assert unchanged in (tmp_path / "out/README.md").read_text("utf-8")


def test_broken_and_missing_frames_are_told(
    bench: Any, drawn: Draw, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    bench.add("broken", [drawn(["1"])], [])
    bench.stickers[id_of("broken")]["frames"]["key_frames"][0]["jpeg"] = b"GIF89a<script>"
    bench.add("none", [], [])
    for name in ("broken", "none"):
        bench.say(name, "A sign")
    export_sft(bench.write(), tmp_path / "out")
    rows = manifest(tmp_path / "out")
    assert rows[id_of("broken")]["reason"] == "a frame can't be opened"
    assert rows[id_of("none")]["reason"] == "it has no frames"
    assert not list((tmp_path / "out/images").iterdir())


def test_frames_of_clips_take_the_place_of_key_frames(
    bench: Any, drawn: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of more frames may not be there yet, in the schema or in the workspace."""
    table = TABLES.get("clips") or replace(
        TABLES["frames"],
        name="clips",
        schema=pa.schema([TABLES["frames"].schema.field("id"), ("frames", pa.list_(KEY_FRAME))]),
    )
    monkeypatch.setitem(TABLES, "clips", table)
    mine = bench.add("a", [drawn(["1"])], [])
    still = bench.add("b", [drawn(["still"])], [])
    for name in "ab":
        bench.say(name, "One to twenty")
    workspace = bench.write()
    frames = [{"index": n, "start_ms": 50 * n, "jpeg": drawn([str(n)])} for n in range(20)]
    rows = [{"id": mine, "frames": frames}, {"id": still, "frames": []}]
    made = pa.Table.from_pylist(rows, schema=table.schema)
    workspace.write("clips", 0, made, Proof("test", "test"))
    export_sft(workspace, tmp_path / "out", most_frames=5)
    clip, key_frame = chats(tmp_path / "out")
    times = [line.split()[3] for line in clip["messages"][1]["content"].split("\n")[:-1]]
    assert times == ["0.0", "0.2", "0.5", "0.7", "0.9"]  # of frames 0, 5, 10, 14 and 19
    assert len(key_frame["images"]) == 1


def test_a_prompt_of_one_s_own_is_used_and_checked(bench: Any, drawn: Draw, tmp_path: Path) -> None:
    bench.add("a", [drawn(["1"])], [])
    bench.say("a", "One")
    workspace = bench.write()
    own = {**PROMPTS, "en": replace(ENGLISH, system="", still="What is it?")}
    export_sft(workspace, tmp_path / "out", prompt=own)
    assert [m["content"] for m in chats(tmp_path / "out")[0]["messages"]] == [
        "<image>\nWhat is it?", "One",
    ]  # fmt: skip
    for wrong in (
        {"still": "<image> What?"}, {"frame": "{time}"}, {"frame": "{"}, {"frame": "<image>"},
    ):  # fmt: skip
        with pytest.raises(StickerworksError, match="en prompt"):
            export_sft(
                workspace, tmp_path / "x", prompt={**PROMPTS, "en": replace(ENGLISH, **wrong)}
            )
    with pytest.raises(StickerworksError, match="no prompt for zh"):
        export_sft(workspace, tmp_path / "x", prompt={"en": ENGLISH})


def test_the_same_tables_give_the_same_bytes(bench: Any, drawn: Draw, tmp_path: Path) -> None:
    for name in "abcde":
        bench.add(name, [drawn([name])], [])
        bench.say(name, f"Shows {name}", f"It shows {name}", f"图片 {name}")
    export_sft(bench.write(), tmp_path / "one")
    bench.votes.reverse()
    export_sft(bench.write(), tmp_path / "two")
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) > 8
    one, two = (
        hashlib.sha256(b"".join((tmp_path / side / file).read_bytes() for file in files))
        for side in ("one", "two")
    )
    assert one.digest() == two.digest()


def test_simulated_captions_are_left_out_unless_asked_for(
    bench: Any, drawn: Draw, tmp_path: Path
) -> None:
    bench.add("a", [drawn(["1"])], [])
    bench.say("a", "Simulated words", simulated=True, origin="simulated")
    with pytest.raises(StickerworksError, match="simulated"):
        export_sft(bench.write(), tmp_path / "out")
    bench.votes[0] |= {"simulated": True}
    export_sft(bench.write(), tmp_path / "out", simulated=True)
    assert answers(tmp_path / "out") == ["Simulated words"]


def test_without_captions_or_splits_it_is_refused_with_the_way_out(
    bench: Any, drawn: Draw, tmp_path: Path
) -> None:
    bench.add("a", [drawn(["1"])], [])
    with pytest.raises(StickerworksError, match="label import"):
        export_sft(bench.write(), tmp_path / "out")
    bench.say("a", "One")
    bench.workspace.path("splits", 0).unlink()
    with pytest.raises(StickerworksError, match="stickerworks split"):
        export_sft(bench.write("splits"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
