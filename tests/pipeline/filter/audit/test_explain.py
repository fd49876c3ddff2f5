"""An explanation counts what each rule drops and what other bounds would; and shows the edge."""

from __future__ import annotations

import numpy as np
import pytest
from decided_stickers import name
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from table_rows import put

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.filter.audit.explain import explain
from pipeline.filter.audit.ladder import rounded
from pipeline.filter.audit.outcomes import stored_verdicts
from pipeline.filter.audit.sheet import draw_sheet
from schemas.config import Config


def bounds(**rules):
    return Config.model_validate({"filter": {"rules": rules}})


def effects(explanation):
    return {rule.name: rule for rule in (*explanation.rules, *explanation.off)}


MIXED = [
    {"aspect": 3.0, "entropy": 0.1},
    {"aspect": 3.0},
    {"aspect": 2.2},
    {"entropy": 0.2},
    {"longest": 40},
    {"error": "decode: broken", "aspect": 9.0},
    {"same": 8},
    {"same": 8, "aspect": 4.0},
    {"longest": 3},
    {"flagged": True},
]


def test_each_rule_alone_and_together(decided):
    told = explain(decided(MIXED), Config()).explanation
    assert (told.stickers, told.kept, told.failed) == (10, 2, 1)
    assert (told.saved, told.lost) == (0, 0)
    rules = effects(told)
    assert [(rules[n].dropped, rules[n].alone) for n in ("aspect", "entropy", "ocr_length")] == [
        (3, 1), (2, 1), (1, 1),
    ]  # fmt: skip
    assert rules["aspect"].together == {"duplicate": 1, "entropy": 1}
    assert (rules["duplicate"].dropped, rules["duplicate"].alone) == (2, 1)
    assert rules["review"].alone == 1
    assert "decode" not in rules, "a failure is no drop"


def test_changed_bounds_are_compared_with_what_the_tables_say(decided):
    workspace = decided(MIXED)
    stricter = explain(workspace, bounds(aspect={"max": 2.0})).explanation
    assert (stricter.saved, stricter.lost, stricter.unread) == (0, 1, 0)
    assert (effects(stricter)["aspect"].dropped, effects(stricter)["aspect"].decided) == (4, 3)
    looser = explain(workspace, bounds(aspect={"max": None})).explanation
    assert (looser.saved, looser.lost, looser.kept) == (1, 0, 3)
    assert looser.unread == 1, "its text was never read"
    assert effects(looser)["aspect"].bounds is None


def test_near_duplicates_of_what_is_lost_are_told(decided):
    lost = explain(decided(MIXED), bounds(ocr_length={"max": 2})).explanation
    assert (lost.lost, lost.orphans) == (1, 2)


def test_what_is_lost_need_not_be_the_first_of_its_group(decided):
    stickers = [{"same": 2}, {}, {"longest": 3}, {"same": 2}]
    lost = explain(decided(stickers), bounds(ocr_length={"max": 2})).explanation
    assert (lost.lost, lost.orphans) == (1, 2)


def test_any_number_of_rules_can_be_against_stickers(decided, tmp_path):
    workspace = decided([{}] * 4)
    for part, rows in ((0, (range(70), range(3))), (1, (range(60, 130), range(0)))):
        put(
            workspace,
            "decisions",
            [
                {
                    "id": name(2 * part + n),
                    "kept": not rules,
                    "outcome": "dropped" if rules else "kept",
                    "reasons": [{"rule": f"r{rule}", "detail": ""} for rule in rules],
                }
                for n, rules in enumerate(rows)
            ],
            part,
        )
    found = stored_verdicts(workspace)
    assert len(found.rules) == 130
    assert found.dropped_by("r1").tolist() == [True, True, False, False]
    assert found.dropped_by("r65").tolist() == [True, False, True, False]
    assert found.dropped_by("r129").tolist() == [False, False, True, False]
    assert not found.dropped_by("nothing").any()
    assert found.others("r129").tolist() == [True, True, True, False]
    assert sorted((len(rules), count) for rules, count in found.combinations.items()) == [
        (3, 1), (70, 1), (70, 1),
    ]  # fmt: skip


def test_rungs_say_what_deciding_with_them_says(decided):
    numbers = np.random.default_rng(5)
    stickers = [
        {"aspect": float(a), "entropy": float(e), "longest": int(n)}
        for a, e, n in zip(
            1 + numbers.exponential(0.9, 40),
            numbers.uniform(0, 3, 40),
            numbers.integers(0, 40, 40),
            strict=True,
        )
    ]
    workspace = decided(stickers)
    for rule in explain(workspace, Config()).explanation.rules:
        assert any(rung.configured for rung in rule.ladder)
        assert rule.ladder[0].bound is None
        assert sorted(rung.dropped for rung in rule.ladder) == [
            rung.dropped for rung in rule.ladder
        ]
        for rung in rule.ladder:
            other = explain(workspace, bounds(**{rule.name: {rung.side: rung.bound}})).explanation
            assert (other.saved, other.lost) == (rung.saved, rung.lost), (rule.name, rung)


def test_a_rule_that_is_off_has_rungs_on_both_sides(decided):
    stickers = [{"transparency": n / 100, "longest": 1} for n in range(100)]
    off = effects(explain(decided(stickers), Config()).explanation)["transparency"]
    assert off.bounds is None
    shares = {(rung.side, round(rung.share, 2)) for rung in off.ladder}
    assert {("min", 0.05), ("max", 0.05), ("max", 0.1), ("min", 0.0)} <= shares


def test_a_measure_that_is_not_there_says_so(decided):
    asked = bounds(transparency={"max": 0.5})
    told = explain(decided(MIXED), asked).explanation
    assert effects(told)["transparency"].unmeasured == ("transparency",)
    there = [{"transparency": 0.9}, {"transparency": 0.1}]
    rules = effects(explain(decided(there), asked).explanation)
    assert (rules["transparency"].unmeasured, rules["transparency"].dropped) == ((), 1)


def test_without_decisions_there_is_nothing_to_explain(tmp_path):
    with pytest.raises(StickerworksError, match="have been decided on.*stickerworks filter"):
        explain(Workspace(tmp_path / "empty"), Config())


@given(st.floats(-1e6, 1e6).filter(lambda value: abs(value) > 1e-9))
def test_a_rounded_bound_drops_no_more_than_the_exact_one(exact):
    assert rounded(exact, "min") <= exact <= rounded(exact, "max")


def colours(path):
    with Image.open(path) as sheet:
        return {colour for _, colour in sheet.convert("RGB").getcolors(1 << 24)}


def near(colour, found):
    return any(max(abs(a - b) for a, b in zip(colour, other, strict=True)) < 4 for other in found)


def colour_of(number):
    return (number * 37 % 256, number * 91 % 256, number * 53 % 256)


def test_the_sheet_shows_what_is_dropped_and_no_sticker_that_was_flagged(decided, tmp_path):
    stickers = [{"aspect": 3.0}, {"aspect": 3.0, "flagged": True}, {"same": 1, "aspect": 3.0}]
    explained = explain(decided([*stickers, {"aspect": 1.5, "longest": 1}]), Config())
    workspace = Workspace(tmp_path / "workspace")
    path = draw_sheet(workspace, explained, tmp_path / "sheet.png")
    found = colours(path)
    assert [near(colour_of(n), found) for n in range(4)] == [True, False, False, True]
    assert name(1) in workspace.read("decisions")["id"].to_pylist()


def test_without_stickers_near_a_bound_there_is_no_sheet(decided, tmp_path):
    off = bounds(**{name: {"min": None, "max": None} for name in Config().filter.rules})
    explained = explain(decided(MIXED, off), off)
    assert draw_sheet(Workspace(tmp_path / "workspace"), explained, tmp_path / "s.png") is None
