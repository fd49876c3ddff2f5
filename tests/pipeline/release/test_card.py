"""The card says what it was given and nothing of it becomes structure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from pipeline.engine.text import one_line
from pipeline.release.card import CardFacts, render_card
from pipeline.release.croissant import Contents, Label, Making, Shard, croissant_json
from pipeline.release.rows import DECISIONS
from pipeline.release.tally import ReleaseCounts
from pipeline.release.verify import verify_release
from schemas.config import Config
from schemas.release import COLUMNS
from schemas.tables import DESCRIPTION_FIELDS

PARSER = MarkdownIt("gfm-like", {"linkify": False}).enable("table")
HOSTILE = (
    "mit\n---\n# Owned\n",
    "mit---",
    "---\n",
    "\r\n---\r\nlicense: mit\r\n---\r\n",
    "a: b # c",
    "&a [*a, *a] !!python/object:os.system",
    "```\n# Owned\n",
    "<!-- <script>alert(1)</script>",
    "[a](javascript:alert(1)) | b |\n| c |",
    "\x00\x1b]0;x\x07\u202e\u2028\u0085\ufeff",
    "'\"' \"\\u0041\\\n",
    f"{'long ' * 3000}--- x",
    "开心 😀",
)


def facts(hostile: str) -> CardFacts:
    row: dict[str, Any] = {
        **{name: None for name, *_ in COLUMNS},
        "format": hostile, "domain": hostile, "label_status": hostile, "tags": [hostile],
        "suggested_tags": [hostile], "frames": 1, "captioner": hostile, "simulated": True,
        "sources": [hostile], "licence": hostile, "licence_basis": hostile,
        "split": "train", "carried": False, "nbytes": 1, "c2pa": None, "test_sets": [hostile],
         "ocr_text": hostile,
        "ocr_model": hostile, "domain_model": hostile, "domain_provenance": "classifier",
        "label_provenance": hostile, "annotators": 1, "counts": [{"tag": hostile, "votes": 1}],
        "data_sets": [hostile], "written_by": [hostile], "trigger_words": [hostile],
        "animated": True, "id": "0" * 64,
        **{name: hostile for name, _ in DESCRIPTION_FIELDS},
    }  # fmt: skip
    decision = {"id": "a", "outcome": hostile, "reasons": [{"rule": hostile}]}
    tally = ReleaseCounts()
    tally.add_rows(pa.Table.from_pylist([row]))
    tally.add_outcomes(pa.Table.from_pylist([decision], schema=DECISIONS))
    return CardFacts(
        tally=tally,
        num_bytes={"train": 1, "validation": 0, "test": 0},
        download_size=1,
        unfetched=Counter({(hostile, hostile): 1}),
        hosts=[_host(hostile), _host(hostile) | {"host": None, "first_fetched": None}],
        agreement=[],
        leakage=[
            {"kind": kind, "shared": 1, "leaking": 0, "rows": 0}
            for kind in (hostile, "earlier_release")
        ],
        moved=Counter({(hostile, "train"): 1}),
        tagset=hostile,
        named=False,
        plots=["frames.png"],
    )


def _host(hostile: str) -> dict[str, Any]:
    counted = [{"value": hostile, "files": 2}] * 5
    lists = dict.fromkeys(("licences", "licence_bases", "signals", "user_agents"), counted)
    numbers = dict.fromkeys(("files", "stickers", "nbytes", "redistributable", "refused"), 1)
    fetched = dict.fromkeys(("first_fetched", "last_fetched"), hostile)
    return {"source": hostile, "host": hostile, "by_preference": 1} | numbers | lists | fetched


def config(hostile: str) -> Config:
    release = {"licence": hostile, "description": hostile, "contact": hostile[:300]}
    return Config.model_validate({"release": release})


def structure(card: DatasetCard) -> list[Any]:
    """Headings, fences and raw HTML of a card's text, in order."""
    kinds = ("heading_open", "fence", "html_block", "hr", "table_open", "html_inline", "link_open")
    tokens = [
        inner for token in PARSER.parse(card.text) for inner in (token, *(token.children or ()))
    ]
    return [(token.type, token.tag) for token in tokens if token.type in kinds]


@pytest.mark.parametrize(
    ("named", "said"), [(True, "People named its tags."), (False, "Nobody has named its tags")]
)
def test_the_card_says_whether_people_named_the_tags(named: bool, said: str) -> None:
    assert said in render_card(config("x"), replace(facts("x"), named=named))


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_whatever_a_field_holds_the_card_is_read_back_as_it_was_meant(hostile: str) -> None:
    card = DatasetCard(render_card(config(hostile), facts(hostile)))
    tame = DatasetCard(render_card(config("x"), facts("x")))
    assert card.data.license == one_line(hostile, 200)
    assert card.data.configs == tame.data.configs
    assert card.data.dataset_info == tame.data.dataset_info
    assert structure(card) == structure(tame)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_the_card_of_any_licence_can_be_verified(hostile: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train-00000-of-00001.parquet").touch()
    (tmp_path / "README.md").write_text(render_card(config(hostile), facts("x")), "utf-8")
    problems = verify_release(tmp_path).problems
    assert "README.md says 1 rows of train, its shards hold 0" in problems


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_croissant_takes_any_text(hostile: str) -> None:
    contents = Contents(
        name=hostile,
        version="1.0.0",
        description=hostile,
        licence=hostile,
        columns=(("id", "string", hostile), ("tags", "[string]", hostile)),
        rows={"train": 1},
        shards={"data/train-00000-of-00001.parquet": Shard(1, "0" * 64)},
        made_by={"tags": [Making(hostile, (hostile,), 1)]},
        derived_from={"tags": ["id"]},
        labels=[Label(hostile, 1, 2, 3)],
        about={"data_annotation_platform": [hostile], "data_biases": [hostile]},
    )
    assert "train-00000" in croissant_json(contents)
