from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from pipeline.demo.outcomes import OutcomeTally, check_outcomes
from schemas.tables import DECISIONS, DUPLICATES, OBSERVATIONS, SIGNALS, UNFETCHED

STATES = {"gone": "gone", "refused": "refused", "not_media": "failed", "too_large": "refused"}


class Run:
    """The tables of a run in which everything came out as expected."""

    def __init__(self, stickers):
        self.expected = stickers
        fetched = {row.sha256: row for row in stickers if row.sha256}
        self.decisions = {sha: self.decide(row) for sha, row in fetched.items()}
        self.duplicates = {
            sha: {
                "id": sha,
                "group": row.duplicate_of or sha,
                "representative": row.duplicate_of is None,
                "same_as": row.duplicate_of,
                "template_id": row.template,
            }
            for sha, row in fetched.items()
        }
        self.unfetched = {
            row.path: {
                "source": "chinesebqb",
                "source_id": row.path,
                "state": STATES[row.why],
                "error_class": {"gone": "http_404", "refused": "robots"}.get(row.why, row.why),
            }
            for row in stickers
            if row.sha256 is None
        }
        self.signals = {
            sha: {
                "id": sha,
                "extension_lies": row.flag == "extension_lies",
                "flags": [] if row.flag in (None, "extension_lies") else [row.flag],
            }
            for sha, row in fetched.items()
        }
        self.observations = [
            {"id": row.sha256, "source": "chinesebqb", "source_id": row.path}
            for row in stickers
            if row.sha256
        ]

    @staticmethod
    def decide(row):
        detail = f"{row.why}: as planted"
        reasons = [] if row.rule is None else [{"rule": row.rule, "detail": detail}]
        kept = row.expected == "kept"
        return {"id": row.sha256, "kept": kept, "outcome": row.expected, "reasons": reasons}

    def check(self, *, alone=False):
        def table(rows, schema):
            return pa.Table.from_pylist(list(rows), schema=schema.schema)

        return check_outcomes(
            self.expected,
            table(self.decisions.values(), DECISIONS),
            table(self.duplicates.values(), DUPLICATES),
            table(self.unfetched.values(), UNFETCHED),
            None if alone else table(self.signals.values(), SIGNALS),
            None if alone else table(self.observations, OBSERVATIONS),
        )


@pytest.fixture
def run(collection):
    return Run(collection.stickers)


def case(run, name):
    return next(row for row in run.expected if row.case == name)


@pytest.mark.parametrize("alone", [True, False])
def test_a_run_as_expected_has_nothing_wrong(run, alone):
    outcomes = run.check(alone=alone)
    assert outcomes.wrong == ()
    counts = Counter(row.case for row in run.expected)
    assert outcomes.cases == {name: OutcomeTally(count, 0) for name, count in counts.items()}
    ocr = sum(row.ocr_case for row in run.expected)
    assert outcomes.ocr == OutcomeTally(ocr, 0)
    assert outcomes.rules == OutcomeTally(len(run.expected) - ocr, 0)


def test_shares_are_of_all_entries_counted():
    assert OutcomeTally(3, 1).share == 0.75
    assert OutcomeTally(0, 0).share == 1.0


def drop_by(run, name, rule):
    run.decisions[case(run, name).sha256] |= {"outcome": "dropped", "reasons": [{"rule": rule}]}


def keep(run, name):
    run.decisions[case(run, name).sha256] |= {"outcome": "kept", "reasons": []}


def also_drop(run, name, rule):
    run.decisions[case(run, name).sha256]["reasons"].append({"rule": rule})


def fail_for_another_reason(run):
    reasons = [{"rule": "decode", "detail": "decode: broken"}]
    run.decisions[case(run, "bomb").sha256]["reasons"] = reasons


def name_another_representative(run):
    other = case(run, "ordinary").sha256
    run.duplicates[case(run, "reencoded").sha256]["same_as"] = other


def give_template(run, name, template):
    run.duplicates[case(run, name).sha256]["template_id"] = template


def lose_observation(run):
    run.observations.remove(
        next(
            row for row in run.observations if row["source_id"] == case(run, "exact_duplicate").path
        )
    )


@pytest.mark.parametrize(
    ("name", "damage", "why"),
    [
        ("ordinary", lambda run: drop_by(run, "ordinary", "entropy"), "found dropped by entropy"),
        ("blank", lambda run: keep(run, "blank"), "found kept by no rule"),
        ("blank", lambda run: also_drop(run, "blank", "aspect"), "by aspect, entropy"),
        ("text_heavy", lambda run: keep(run, "text_heavy"), "expected dropped by ocr_length"),
        ("bomb", fail_for_another_reason, "expected too_large"),
        ("reencoded", name_another_representative, "as representative"),
        ("template", lambda run: give_template(run, "template", None), "don't share a template"),
        ("template", lambda run: give_template(run, "template", "x"), "don't share a template"),
        (
            "ordinary",
            lambda run: give_template(run, "ordinary", case(run, "template").template),
            "shares the template of",
        ),
        ("missing", lambda run: run.unfetched.clear(), "not among the unfetched"),
        (
            "html_page",
            lambda run: run.unfetched[case(run, "html_page").path].update(error_class="http_500"),
            "found failed, http_500",
        ),
        (
            "truncated_gif",
            lambda run: run.signals[case(run, "truncated_gif").sha256].update(flags=[]),
            "expected the flag truncated",
        ),
        (
            "lying_extension",
            lambda run: run.signals[case(run, "lying_extension").sha256].update(
                extension_lies=False
            ),
            "expected the flag extension_lies",
        ),
        ("exact_duplicate", lose_observation, "expected 2 observations, found 1"),
        (
            "wide",
            lambda run: run.decisions.pop(case(run, "wide").sha256),
            "there is no such sticker",
        ),
        (
            "one_frame_gif",
            lambda run: run.duplicates.pop(case(run, "one_frame_gif").sha256),
            "missing from duplicates",
        ),
    ],
)
def test_what_is_wrong_is_found_and_named(run, name, damage, why):
    damage(run)
    outcomes = run.check()
    wrong = [entry for entry in outcomes.wrong if entry.case == name]
    assert any(why in entry.why for entry in wrong), outcomes.wrong
    assert outcomes.cases[name].wrong == len(wrong) > 0
    assert outcomes.rules.wrong + outcomes.ocr.wrong == len(outcomes.wrong)
    assert (outcomes.ocr.wrong > 0) == (name == "text_heavy")
