"""statistics.json holds the numbers of the papers, each equal to a sum over the release's rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.audits import AuditResult, Finding, write_result
from pipeline.engine.workspace import Workspace
from pipeline.release.build import Release
from pipeline.release.statistics import Statistics
from schemas.tables import DESCRIPTION_FIELDS

Build = Callable[..., Release]
COLUMNS = {
    "id": pa.string(),
    "trigger_words": pa.list_(pa.string()),
    "animated": pa.bool_(),
    "ocr_text": pa.string(),
    **{name: pa.string() for name, _ in DESCRIPTION_FIELDS},
}


def counted(*rows: dict[str, Any], whole: int = 0) -> Statistics:
    found = Statistics(whole)
    for row in rows:
        schema = pa.schema(list(COLUMNS.items()))
        found.add_rows(pa.Table.from_pylist([dict.fromkeys(COLUMNS) | row], schema=schema))
    return found


def figures_of(release: Release) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release.path / "statistics.json").read_text("utf-8"))
    return found


def test_figures_are_sums_over_the_rows(released: Release) -> None:
    figures, rows = figures_of(released), pq.read_table(released.path / "data").to_pylist()
    words = Counter(word for row in rows for word in row["trigger_words"])
    assert figures["trigger_words"]["top"] == words
    assert figures["trigger_words"]["uses"] == words.total()
    tags = Counter(tag for row in rows for tag in row["tags"])
    assert (figures["tags"]["distinct"], figures["tags"]["pairs"]) == (len(tags), tags.total())
    assert figures["tags"]["mean_length"] == sum(map(len, tags)) / len(tags)
    moving = [row["frames"] for row in rows if row["frames"] > 1]
    assert figures["animations"]["stickers"] == len(moving)
    assert figures["animations"]["mean_frames"] == sum(moving) / len(moving)
    cartoons = sum(row["domain"] == "cartoon" for row in rows)
    assert figures["cartoon_share"] == cartoons / len(rows)
    english = [row["caption_en"] for row in rows if row["caption_en"]]
    assert figures["captions"]["en"]["texts"] == len(english)
    lengths = Counter(str(len(text.split())) for text in english)
    assert figures["captions"]["en"]["lengths"] == lengths
    assert figures["funnel"]["fetched"] == 60
    assert sum(figures["funnel"]["outcomes"].values()) == 60


def test_chinese_words_are_cut_and_stop_words_left_out() -> None:
    texts = ["一只猫猫在吃饭, 很开心", "一只猫猫在睡觉", None, "no han"]
    found = counted(*({"caption_zh": text} for text in texts)).captions["zh"]
    assert found.words["吃饭"] == 1
    assert found.words["睡觉"] == 1
    assert "在" not in found.words
    assert found.texts == found.cut == 3
    assert found.lengths == Counter(len(text) for text in texts if text)


def test_of_many_chinese_captions_a_sample_is_cut_that_ids_decide() -> None:
    rows = [{"id": f"{n:02x}" + "0" * 62, "caption_zh": "吃饭"} for n in range(256)]
    found = counted(*rows, whole=40_000).captions["zh"]
    assert (found.texts, found.cut, found.words["吃饭"]) == (256, 128, 128)


@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_english_text_counts_once(texts: list[str]) -> None:
    kept = [text.encode("utf-8", "replace").decode() for text in texts]
    found = counted(*({"caption_en": text} for text in kept)).captions["en"]
    words = [re.findall("[a-z0-9']+", _lower(text)) for text in kept]
    lengths = Counter(sum(1 for word in said if word.strip("'")) for said in words)
    assert found.lengths == lengths


def _lower(text: str) -> str:
    """As Arrow lowers: sign by sign."""
    return "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)


def test_audits_stand_beside_the_rules_without_who_answered(
    drawn: Any, build: Build, tmp_path: Path
) -> None:
    root = tmp_path / "audited"
    found = Finding(population=6, asked=5, answered=5, agreed=4, share=0.8, low=0.4, high=1)
    result = AuditResult(
        rule="entropy", unit="", drawn="2026-01-09", min=0.3, max=None, near=None, withheld=0,
        dropped=found, kept=None, suggested=None, unsure=0, people=2,
        last_answer="2026-01-09T00:00:00Z",
    )  # fmt: skip
    drawn.write(root)
    write_result(Workspace(root), result)
    release = build(root)
    (audit,) = figures_of(release)["audits"]
    assert audit["rule"] == "entropy"
    assert audit["dropped"]["share"] == 0.8
    assert "2026-01-09" not in (release.path / "statistics.json").read_text("utf-8")


def test_names_of_annotators_stay_out(drawn: Any, build: Build, tmp_path: Path) -> None:
    drawn.rows["agreement"] = [
        {"measure": "tag_sets", "alpha": 0.5, "low": 0.4, "high": 0.6, "stickers": 30},
        {"measure": "domain", "kappa": 0.7, "stickers": 30},
        {"measure": "pair", "annotators": ["Zhang-San", "bob"], "masi": 0.5, "stickers": 30},
    ]
    release = build(tmp_path / "agreed")
    assert [row["measure"] for row in figures_of(release)["agreement"]] == ["tag_sets", "domain"]
    assert (release.path / "plots/agreement.png").is_file()
    for path in release.path.rglob("*.*"):
        assert b"Zhang-San" not in path.read_bytes(), path
