"""What people made of machines' captions: targets, and pairs of original and correction."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from table_rows import put

from annotation.handoff.chat import export_sft
from annotation.handoff.prompts import CHINESE
from pipeline.engine.errors import StickerworksError

Draw = Callable[..., bytes]


@pytest.fixture
def export(bench: Any, drawn: Draw, tmp_path: Path, id_of: Callable[[str], str]):
    """Exports one sticker that a model captioned, after some checks; lines of a file of it."""

    def run(*checks: dict[str, Any], captions: tuple[str, ...] = ("A dog waves",)) -> Any:
        said = [
            {"text": text, "field": "caption", "language": "en", "prompt": "vsd2m/1"}
            for text in captions
        ]
        bench.add("a", [drawn(["HI"])], [], captions=said)
        rows = [
            {
                "id": id_of("a"), "number": number, "field": "caption", "language": "en",
                "captioner": "served", "prompt": "vsd2m/1", "who": "lea", "at": "now", **check,
            }
            for number, check in enumerate(checks)
        ]  # fmt: skip
        workspace = bench.write()
        put(workspace, "text_checks", rows)
        export_sft(workspace, tmp_path / "out")

        def lines(name: str) -> list[dict[str, Any]]:
            path = tmp_path / "out" / f"{name}.jsonl"
            return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

        return lines

    return run


CORRECTED = {"original": "A dog waves", "verdict": "corrected", "corrected": "A cat waves"}


def test_a_corrected_text_is_a_target_and_a_pair_with_its_original(export: Any) -> None:
    lines = export(CORRECTED)
    (chat,) = lines("train")
    assert chat["messages"][-1]["content"] == "A cat waves"
    (pair,) = lines("preferences-train")
    assert pair["messages"] == chat["messages"][:-1]
    assert pair["chosen"] == {"role": "assistant", "content": "A cat waves"}
    assert pair["rejected"] == {"role": "assistant", "content": "A dog waves"}
    assert pair["images"] == chat["images"]
    (row,) = lines("manifest")
    assert row["corrections"] == [
        {"language": "en", "original": "A dog waves", "corrected": "A cat waves"}
    ]


def test_llama_factorys_index_ranks_the_pairs(export: Any, tmp_path: Path) -> None:
    export(CORRECTED)
    index = json.loads((tmp_path / "out" / "dataset_info.json").read_text("utf-8"))
    assert index["sticker_preferences_train"]["ranking"] is True
    assert index["sticker_preferences_train"]["columns"]["rejected"] == "rejected"
    assert "ranking" not in index["sticker_captions_train"]


def test_what_is_right_or_wrong_alone_teaches_nothing(export: Any) -> None:
    with pytest.raises(StickerworksError, match="Nobody wrote a caption"):
        export({"original": "A dog waves", "verdict": "right"})
    with pytest.raises(StickerworksError, match="Nobody wrote a caption"):
        export({"original": "A dog waves", "verdict": "wrong"})


def test_a_wrong_text_is_no_target_whoever_says_it_again(bench: Any, export: Any) -> None:
    bench.say("a", "a dog waves.", "A cat waves")
    lines = export({"original": "A dog waves", "verdict": "wrong"}, captions=("Else",))
    assert [chat["messages"][-1]["content"] for chat in lines("train")] == ["A cat waves"]


def test_the_last_word_on_a_text_counts(export: Any) -> None:
    lines = export(CORRECTED, CORRECTED | {"corrected": "A cat waves its paw"})
    assert [pair["chosen"]["content"] for pair in lines("preferences-train")] == [
        "A cat waves its paw"
    ]


def test_a_vote_pairs_with_the_text_that_was_filled_in(bench: Any, export: Any) -> None:
    bench.say("a", "A dog waves its paw", suggested=["joy"])
    lines = export(captions=("A dog waves", "Something else altogether"))
    (pair,) = lines("preferences-train")
    assert (pair["chosen"]["content"], pair["rejected"]["content"]) == (
        "A dog waves its paw",
        "A dog waves",
    )


def test_a_blind_vote_replaces_nothing(bench: Any, export: Any, tmp_path: Path) -> None:
    bench.say("a", "A dog waves its paw")
    export()
    assert not (tmp_path / "out" / "preferences-train.jsonl").exists()


def test_a_chinese_correction_is_asked_for_in_chinese(export: Any) -> None:
    check = CORRECTED | {"language": "zh", "corrected": "一只猫在招手"}
    (pair,) = export(check)("preferences-train")
    assert CHINESE.still in pair["messages"][-1]["content"]
