"""Screening and decisions: every reason, with value and threshold; nothing lost."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_rows import MemoryReader

from pipeline.engine.errors import StickerworksError
from pipeline.engine.fingerprint import hash_json
from pipeline.engine.plugins import PluginError
from pipeline.filter.configured import measure_versions
from pipeline.filter.stages import DECISIONS, PLAN, SCREENING
from schemas.config import Config
from schemas.tables import TABLES

GOOD = {"min_side": 100, "aspect": 1.0, "entropy": 4.0}


def table(name, rows):
    known = [{"id": f"s{i}", **row} for i, row in enumerate(rows)]
    return pa.Table.from_pylist(known, schema=TABLES[name].schema)


def measured(rows):
    """A table of measures, from values by name for each sticker; an error is a string."""
    known = [
        {"id": f"s{i}", "name": name, "version": 1}
        | ({"error": value} if isinstance(value, str) else {"value": value})
        for i, row in enumerate(rows)
        for name, value in row.items()
    ]
    return pa.Table.from_pylist(known, schema=TABLES["measures"].schema)


def screen(config, *signals):
    tables = {
        "stickers": table("stickers", [{}] * len(signals)),
        "signals": table("signals", signals),
        "measures": measured([{}] * len(signals)),
    }
    return rows_of(SCREENING, config, tables)


def decide(config, signals, ocr=None, duplicates=None, reviews=None, measures=None):
    none = [{}] * len(signals)
    alone = [{"group": f"s{i}", "representative": True} for i in range(len(signals))]
    tables = {
        "stickers": table("stickers", none),
        "signals": table("signals", signals),
        "measures": measured(measures or none),
        "expensive_measures": measured([]),
        "ocr": table("ocr", ocr or none),
        "duplicates": table("duplicates", duplicates or alone),
        "reviews": table("reviews", reviews or [{"flagged": False}] * len(signals)),
    }
    return rows_of(DECISIONS, config, tables)


def rows_of(step, config, tables):
    ((name, block, rows),) = step.run(MemoryReader(**tables), step.settings(config))
    assert (name, block) == (step.name, (0,))
    return rows.cast(TABLES[name].schema).to_pylist()


def with_rules(**rules):
    """A configuration with these rules; those that it doesn't name are switched off."""
    rules = {name: {"min": None, "max": None} for name in Config().filter.rules} | rules
    return Config.model_validate({"filter": {"rules": rules}})


def test_every_reason_is_given_with_value_and_threshold():
    row = screen(Config(), {"min_side": 20, "aspect": 3.0, "entropy": 0.1})[0]
    assert row["kept"] is False
    assert row["reasons"] == [
        {"rule": "aspect", "value": 3.0, "threshold": 2.5, "detail": None},
        {"rule": "entropy", "value": 0.1, "threshold": 0.3, "detail": None},
        {"rule": "min_side", "value": 20.0, "threshold": 32.0, "detail": None},
    ]


def test_bounds_are_kept():
    at = {"min_side": 32, "aspect": 2.5, "entropy": 0.3}
    assert screen(Config(), at)[0] == {"id": "s0", "kept": True, "reasons": []}


def test_a_null_measurement_is_outside_of_nothing():
    assert screen(Config(), {})[0]["kept"] is True


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_told_and_not_let_pass(value):
    with pytest.raises(PluginError, match=r"rule 'entropy' of stickerworks .* gave .*s1"):
        screen(Config(), {"entropy": 4.0}, {"entropy": value})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ('["1", "2"]', "it gave texts, and no numbers"),
        ("[1.0]", "it gave 1 values for 2 stickers"),
        ('tables["signals"]["nothing"]', "KeyError"),
        ('tables["ocr"]["longest"]', "KeyError: 'ocr'"),
    ],
)
def test_what_a_strangers_rule_gives_is_checked(stranger, values, told):
    code = "from stickerworks.plugins import Rule\n"
    code += f"R = Rule('odd', ('signals',), lambda tables: {values}, unit='', doc='')\n"
    stranger("rules", code, {"odd": "R"})
    with pytest.raises(PluginError, match=f"The rule 'odd' of strange 1.0 failed .*{told}"):
        screen(with_rules(odd={"max": 1}), GOOD, GOOD)


def test_bounds_on_a_measure_need_no_rule():
    config = with_rules(transparency={"max": 0.9})
    assert measure_versions(config, expensive=False) == {"transparency": 1}
    rows = decide(config, [GOOD] * 3, measures=[{"transparency": v} for v in (0.5, 0.95, None)])
    assert [row["kept"] for row in rows] == [True, False, True]
    reason = {"rule": "transparency", "value": 0.95, "threshold": 0.9, "detail": None}
    assert rows[1]["reasons"] == [reason]


def test_a_sticker_on_which_a_bounded_measure_failed_has_failed():
    config = with_rules(transparency={"max": 0.9})
    values = [{"transparency": "it raised"}, {"transparency": 0.0}, {}]
    rows = decide(config, [GOOD] * 3, measures=values)
    assert [row["outcome"] for row in rows] == ["failed", "kept", "kept"]
    assert rows[0]["reasons"][0]["detail"] == "it raised"
    # A measure that no rule bounds decides nothing.
    assert decide(with_rules(), [GOOD], measures=values[:1])[0]["outcome"] == "kept"


def test_a_name_that_nobody_brings_is_answered_with_the_known_ones():
    with pytest.raises(StickerworksError, match="no rule and no measure called 'blurr'.*transpar"):
        screen(with_rules(blurr={"max": 1}), GOOD)


def test_what_could_not_be_decoded_is_screened_out():
    row = screen(Config(), {"error": "decode: broken"})[0]
    assert row["kept"] is False
    reason = {"rule": "decode", "value": None, "threshold": None, "detail": "decode: broken"}
    assert row["reasons"] == [reason]


def test_screening_leaves_ocr_to_decisions():
    assert set(SCREENING.settings(Config())["rules"]) == {"aspect", "entropy", "min_side"}
    assert set(DECISIONS.settings(Config())["rules"]) == {
        "aspect",
        "entropy",
        "min_side",
        "ocr_length",
    }


def test_null_bounds_switch_a_rule_off():
    config = with_rules(entropy={"min": None, "max": None}, min_side={"min": 32})
    assert set(SCREENING.settings(config)["rules"]) == {"min_side"}


def test_a_maximum_and_a_minimum():
    config = with_rules(min_side={"min": 10, "max": 20})
    rows = screen(config, {"min_side": 9}, {"min_side": 15}, {"min_side": 21})
    assert [r["threshold"] for row in rows for r in row["reasons"]] == [10, 20]


def test_an_unknown_rule_is_answered_with_the_known_ones():
    with pytest.raises(
        StickerworksError, match=r"sharpness.*aspect, entropy, min_side, ocr_length"
    ):
        SCREENING.settings(with_rules(sharpness={"min": 1}))


def test_the_order_of_rules_in_the_file_changes_nothing():
    one = with_rules(aspect={"max": 2}, min_side={"min": 9})
    other = with_rules(min_side={"min": 9}, aspect={"max": 2})
    assert hash_json(SCREENING.settings(one)) == hash_json(SCREENING.settings(other))
    bad = {"min_side": 1, "aspect": 9}
    assert screen(one, bad) == screen(other, bad)


def test_outcomes():
    signals = [GOOD, GOOD | {"entropy": 0}, {"error": "decode: broken"}, GOOD, GOOD, GOOD]
    ocr = [{"longest": 30}, {}, {}, {"longest": 31}, {"error": "ocr: broken"}, {"longest": 1}]
    alone = {"representative": True}
    duplicates = [alone | {"group": f"s{i}"} for i in range(5)]
    copy = {"group": "s0", "representative": False, "same_as": "s0"}
    duplicates.append(copy | {"kind": "perceptual", "distance": 7})
    rows = decide(Config(), signals, ocr, duplicates)
    assert [row["outcome"] for row in rows] == [
        "kept", "dropped", "failed", "dropped", "failed", "dropped",
    ]  # fmt: skip
    assert [row["kept"] for row in rows] == [row["outcome"] == "kept" for row in rows]
    assert [[r["rule"] for r in row["reasons"]] for row in rows] == [
        [], ["entropy"], ["decode"], ["ocr_length"], ["ocr"], ["duplicate"],
    ]  # fmt: skip
    expected = {
        "rule": "duplicate",
        "value": 7,
        "threshold": 9.5,
        "detail": "same as s0 (looks the same)",
    }
    assert rows[5]["reasons"] == [expected]


def test_a_duplicate_says_how_it_equals_what_is_kept():
    ways = {"pixels": "equal pixels", "mirror": "mirrored", "motion": "with other timing"}
    copies = [
        {"group": "s9", "representative": False, "same_as": "s0", "kind": kind, "distance": 0}
        for kind in ways
    ]
    rows = decide(Config(), [GOOD] * 4, None, [{"group": "s9", "representative": True}, *copies])
    details = [row["reasons"][0]["detail"] for row in rows[1:]]
    assert details == [f"same as s0 ({way})" for way in ways.values()]


def test_a_duplicate_by_its_text_names_that_threshold():
    duplicates = [
        {"group": "s0", "representative": True},
        {"group": "s0", "representative": False, "kind": "perceptual", "distance": 11},
    ]
    reason = decide(Config(), [GOOD, GOOD], None, duplicates)[1]["reasons"][0]
    assert (reason["value"], reason["threshold"]) == (11, 12)


def test_what_people_flagged_is_dropped_with_its_provenance():
    flagged = {"flagged": True, "flags": ["insulting", "personal_data"], "provenance": "the lead"}
    rows = decide(Config(), [GOOD, GOOD], reviews=[{"flagged": False}, flagged])
    assert [row["outcome"] for row in rows] == ["kept", "dropped"]
    detail = "insulting, personal_data: flagged by the lead"
    reason = {"rule": "review", "value": None, "threshold": None, "detail": detail}
    assert rows[1]["reasons"] == [reason]


numbers = st.none() | st.floats(0, 100)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "entropy": numbers,
                "aspect": numbers,
                "min_side": st.none() | st.integers(0, 100),
                "error": st.none() | st.just("decode: broken"),
            }
        ),
        max_size=8,
    )
)
def test_kept_dropped_and_failed_are_all(rows):
    decisions = decide(Config(), rows)
    screening = screen(Config(), *rows)
    assert [row["id"] for row in decisions] == [row["id"] for row in screening]
    assert len(decisions) == len(rows)
    for row, decision, screened in zip(rows, decisions, screening, strict=True):
        assert (decision["outcome"] == "failed") == (row["error"] is not None)
        assert (decision["outcome"] == "kept") == (not decision["reasons"])
        assert screened["kept"] == decision["kept"], "no OCR, no duplicates: the same verdict"


def test_the_plan_travels_to_workers():
    assert [work.name for work in PLAN] == [
        "signals", "screening", "expensive_measures", "ocr", "embeddings", "duplicates", "reviews",
        "decisions",
    ]  # fmt: skip
    assert pickle.loads(pickle.dumps(PLAN)) == PLAN


def test_the_plan_is_in_order():
    there = {"stickers", "media", "flags"}
    for work in PLAN:
        assert set(work.reads) <= there
        there |= set(work.writes)


CUT = {**GOOD, "flags": ["truncated", "clamped_durations"], "frames": 4, "declared_frames": 6}
KEEP = Config.model_validate({"filter": {"keep_truncated": True}})


@pytest.mark.parametrize("judge", [screen, lambda config, row: decide(config, [row])])
def test_a_cut_animation_is_dropped_with_what_is_left_of_it(judge):
    (row,) = judge(Config(), CUT)
    detail = "4 of its 6 frames can be decoded"
    reason = {"rule": "truncated", "value": 4.0, "threshold": 6.0, "detail": detail}
    assert (row["kept"], row["reasons"]) == (False, [reason])
    (row,) = judge(KEEP, CUT)
    assert (row["kept"], row["reasons"]) == (True, [])


@pytest.mark.parametrize("judge", [screen, lambda config, row: decide(config, [row])])
def test_what_no_reader_of_a_release_could_open_is_dropped_whatever_is_configured(judge):
    (row,) = judge(KEEP, {**CUT, "flags": ["truncated", "refused"]})
    assert row["kept"] is False
    assert [reason["rule"] for reason in row["reasons"]] == ["refused"]
