"""An audit from the sample to the result: who is asked about what, and what answers say."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from decided_stickers import name
from synthetic.audited import CASES, answer, plant

from pipeline.engine.audits import RESULT, audit_folder, read_results
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.filter.audit.answers import ANSWERS, Answer, all_answers, read_answers
from pipeline.filter.audit.audit import ask, hear
from pipeline.filter.audit.estimate import judge, majority
from pipeline.filter.audit.review import write_studio
from pipeline.filter.audit.sampling import draw_sample, sample_of
from schemas.config import Config

WHEN = "2026-01-02T03:04:05Z"


def share(population, truth, rows):
    found = [truth[sticker] for sticker in population.ids[rows]]
    return sum(found) / len(found)


@pytest.mark.parametrize("case", ["nearly all right", "errors near the bound", "five dropped"])
def test_the_interval_covers_planted_mistakes(case):
    small = replace(CASES[case], dropped=min(CASES[case].dropped, 300), kept=300)
    covered = 0
    for seed in range(20):
        population, truth = plant(small, seed)
        sample = sample_of(population, 40)
        found = judge(sample, answer(sample, truth), 0.9).dropped
        covered += found.low <= share(population, truth, population.dropped) <= found.high
        assert found.answered == min(40, small.dropped)
    assert covered >= 19


def test_estimates_weigh_the_strata():
    """All mistakes lie near the bound, of which more are asked about than in proportion."""
    population, _ = plant(CASES["errors near the bound"], 1)
    sample = sample_of(population, 100)
    near = {one.id for one in sample.stickers if one.part == "near"}
    assert (len(near), sample.sizes[:2]) == (50, (1000, 2000))
    truth = {one.id: one.id not in near for one in sample.stickers}
    found = judge(sample, answer(sample, truth), 0.9).dropped
    assert found.share == pytest.approx(2 / 3)
    assert found.agreed == 50


def test_near_ones_are_nearer_and_a_larger_sample_holds_the_smaller_one():
    population, _ = plant(CASES["errors near the bound"], 2)
    small, large = sample_of(population, 30), sample_of(population, 90)
    assert {one.id for one in small.stickers} < {one.id for one in large.stickers}
    assert small == sample_of(population, 30)
    excess = {
        part: [o.excess for o in large.stickers if o.part == part] for part in ("near", "far")
    }
    assert 0 < max(excess["near"]) <= min(excess["far"])
    assert all(-large.near <= o.excess <= 0 for o in large.stickers if o.part == "kept")


def test_a_bound_is_suggested_where_the_sample_can_tell():
    population, _ = plant(CASES["errors near the bound"], 3)
    sample = sample_of(population, 200)
    truth = {one.id: one.value > 12 for one in sample.stickers}
    found = judge(sample, answer(sample, truth), 0.99).suggested
    assert found.sure is (found.low >= 0.99)
    assert 11.7 < found.bound < 12.3
    assert found.drops == pytest.approx((population.values > found.bound).sum(), abs=3)
    nobody = judge(sample, answer(sample, dict.fromkeys(truth, False)), 0.5).suggested
    assert (nobody.bound, nobody.why) == (None, "no bound with 10 answers beyond it is as precise")
    everybody = judge(sample, answer(sample, dict.fromkeys(truth, True)), 0.95).suggested
    assert everybody.bound < 10, "what is kept near the bound should be dropped as well"
    few = judge(sample, answer(sample, truth)[:4], 0.5).suggested
    assert "can't tell: it takes 10 answers and there are 4" in few.why


def test_a_minimum_is_suggested_from_the_other_side(decided):
    stickers = [{"entropy": 0.01 * n, "longest": 1} for n in range(60)]
    workspace = decided(stickers)
    sample = draw_sample(workspace, Config(), "entropy", 60)
    answers = [answered(o.id, "drop" if o.value < 0.2 else "keep") for o in sample.stickers]
    result = judge(sample, answers, 1.0)
    assert result.dropped.share == pytest.approx(20 / 30)
    assert (result.dropped.low, result.dropped.high) == (result.dropped.share,) * 2
    assert result.suggested.bound == pytest.approx(0.2)
    assert (result.suggested.drops, result.suggested.sure) == (20, True)


def answered(sticker, given, who="Ann", at=WHEN):
    return Answer(id=sticker, answer=given, who=who, at=at)


def test_the_last_word_of_each_and_most_of_all_count():
    one, other, third = name(1), name(2), name(3)
    later = "2026-01-03T00:00:00+00:00"
    said = [
        answered(one, "keep"), answered(one, "drop", at=later),
        answered(other, "drop"), answered(other, "keep", who="Bo"),
        answered(third, "drop"), answered(third, "drop", who="Bo"),
        answered(third, "keep", who="C"),
    ]  # fmt: skip
    assert majority(said) == {one: True, third: True}
    assert majority(said[::-1]) == majority(said), "their order in the file changes nothing"


MIXED = [
    *({"aspect": 2.6 + n / 10, "longest": 1} for n in range(8)),
    *({"aspect": 2.5 - n / 10, "longest": 1} for n in range(8)),
    {"aspect": 3.0, "flagged": True},
    {"aspect": 3.0, "same": 16},
    {"same": 9},
]


def test_flagged_stickers_are_asked_of_nobody(decided):
    workspace = decided(MIXED)
    sample = draw_sample(workspace, Config(), "aspect", 50)
    shown = {one.id for one in sample.stickers}
    assert shown.isdisjoint({name(16), name(17)})
    assert (sample.withheld, sample.sizes[:2]) == (2, (2, 6))
    page = ask(workspace, sample, 0.9, studio=True).page
    for path in page.parent.iterdir():
        assert name(16) not in path.read_text("utf-8"), path


def test_a_duplicate_is_shown_beside_what_it_equals(decided):
    workspace = decided(MIXED)
    sample = draw_sample(workspace, Config(), "duplicate", 50)
    (one,) = sample.stickers
    assert (one.id, one.twin, sample.sizes) == (name(18), name(9), (0, 1, 0))
    result = judge(sample, [answered(name(18), "drop")], 0.9)
    assert (result.dropped.low, result.suggested, result.kept) == (1.0, None, None)
    tasks, _ = write_studio(workspace, sample, workspace.reports)
    data = json.loads(tasks.read_text("utf-8"))[0]["data"]
    assert (data["html"].count("<img"), data["drawn"]) == (2, sample.drawn)


def test_the_first_of_a_group_is_shown_beside_what_is_kept_for_it(decided):
    sample = draw_sample(decided([{"same": 2}, {}, {}, {"same": 2}]), Config(), "duplicate", 50)
    assert {one.id: one.twin for one in sample.stickers} == {name(0): name(2), name(3): name(2)}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("nothing", "No rule called 'nothing' has bounds or dropped anything.*aspect"),
        ("review", "shown to nobody again"),
        ("decode", "No rule called 'decode'"),
    ],
)
def test_what_cannot_be_audited_is_one_line(decided, rule, told):
    with pytest.raises(StickerworksError, match=told):
        draw_sample(decided(MIXED), Config(), rule, 10)


def test_bounds_that_the_tables_were_not_decided_with_are_refused(decided):
    other = Config.model_validate({"filter": {"rules": {"aspect": {"max": 2}}}})
    with pytest.raises(StickerworksError, match="decided with other bounds of aspect"):
        draw_sample(decided(MIXED), other, "aspect", 10)


def saved(path, rule="aspect", **changes):
    answers = [{"id": name(n), "answer": "drop", "at": WHEN} for n in (0, 1, 9)]
    content = {"stickerworks_audit": 1, "rule": rule, "drawn": "", "who": "Ann\x1b[2J",
               "answers": answers} | changes  # fmt: skip
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_answers_are_kept_once_and_for_good(decided, tmp_path):
    workspace = decided(MIXED)
    sample = draw_sample(workspace, Config(), "aspect", 50)
    ask(workspace, sample, 0.9, studio=False)
    given = read_answers(saved(tmp_path / "a.json", drawn=sample.drawn), "aspect")
    first = hear(workspace, "aspect", given, 0.9)
    assert (first.new, first.elsewhere) == (3, 0)
    assert (first.result.dropped.answered, first.result.kept.answered) == (2, 1)
    assert first.result.last_answer == "2026-01-02T03:04:05.000+00:00"
    again = hear(workspace, "aspect", [*given, answered(name(18), "keep", who="Bo")], 0.9)
    assert (again.new, again.elsewhere) == (1, 1)
    assert again.result.dropped == first.result.dropped
    assert read_results(workspace) == [again.result]
    folder = audit_folder(workspace, "aspect")
    whole = (folder / ANSWERS).read_text("utf-8")
    assert "\x1b" not in whole
    assert len(all_answers(folder)) == 4
    (folder / ANSWERS).write_text("nonsense\n" + whole, encoding="utf-8")
    with pytest.raises(StickerworksError, match=r"Line 1 of .*answers\.jsonl is no answer"):
        all_answers(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "it is no JSON"),
        ("3", "holds no answers of an audit"),
        ("[" * 100_000, "it is no JSON"),
        ('[{"data": 7, "annotations": [{"result": [{"value": {"choices": [{}]}}]}]}]', "holds no"),
        ('[{"annotations": [3]}]', "holds no"),
        ('{"stickerworks_audit": 1, "rule": "aspect"}', "answers is needed"),
    ],
)
def test_a_file_of_something_else_is_one_line(tmp_path, content, told):
    path = tmp_path / "answers.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StickerworksError, match=told):
        read_answers(path, "aspect")


@pytest.mark.parametrize(
    "change",
    [
        {"answers": [{"id": "x", "answer": "drop", "at": WHEN}]},
        {"answers": [{"id": name(1), "answer": "maybe", "at": WHEN}]},
        {"answers": [{"id": name(1), "answer": "drop", "at": "yesterday"}]},
        {"answers": [{"id": name(1), "answer": "drop", "at": "0001-01-01T00:00:00+23:59"}]},
        {"answers": [{"id": name(1), "answer": "drop", "at": "9999-12-31T23:59:59-01:00"}]},
        {"drawn": "\ud800"},
        {"rule": "entropy"},
    ],
)
def test_strange_answers_are_refused_as_a_whole(tmp_path, change):
    with pytest.raises(StickerworksError):
        read_answers(saved(tmp_path / "a.json", **change), "aspect")


def test_an_export_of_label_studio_says_the_same(tmp_path):
    def task(number, choice, **more):
        result = [{"value": {"choices": [choice]}, "type": "choices", "from_name": "answer"}]
        annotation = {"completed_by": 7, "updated_at": WHEN, "result": result, **more}
        data = {"sticker_id": name(number), "drawn": "ab-cd"}
        return {"id": number, "data": data, "annotations": [annotation]}

    tasks = [task(1, "drop"), task(2, "keep", completed_by={"email": "a@b.c"}),
             task(3, "drop", was_cancelled=True)]  # fmt: skip
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    found = read_answers(path, "aspect")
    assert [(one.id, one.answer, one.who, one.drawn) for one in found] == [
        (name(1), "drop", "user 7", "ab-cd"),
        (name(2), "keep", "a@b.c", "ab-cd"),
    ]


def test_without_a_sample_answers_are_about_nothing(tmp_path):
    with pytest.raises(StickerworksError, match="No sample of 'aspect' has been drawn"):
        hear(Workspace(tmp_path), "aspect", [], 0.9)


@pytest.mark.parametrize("rule", ["../../etc", "..", "a/b", "", "x" * 300, "规则"])
def test_a_rule_of_any_name_has_a_folder_of_its_own(tmp_path, rule):
    folder = audit_folder(Workspace(tmp_path), rule)
    assert folder.parent == tmp_path / "reports" / "audits"
    assert re.fullmatch("[0-9a-f]{16}", folder.name)


def test_a_result_of_something_else_is_one_line(tmp_path):
    path = audit_folder(Workspace(tmp_path), "aspect") / RESULT
    path.parent.mkdir(parents=True)
    path.write_text('{"rule": "aspect"}', encoding="utf-8")
    with pytest.raises(StickerworksError, match="holds no result of an audit"):
        read_results(Workspace(tmp_path))


def test_the_page_runs_its_own_script_alone_and_says_nothing_of_the_verdict(decided):
    workspace = decided(MIXED)
    sample = draw_sample(workspace, Config(), "aspect", 50)
    text = ask(workspace, sample, 0.9, studio=False).page.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert re.search(r"default-src 'none'; img-src data:; .*script-src 'sha256-[^' ]+'; ", policy)
    assert "unsafe" not in policy
    assert text.count("<script>") == 1
    assert text.count('class="one"') == len(sample.stickers)
    figures = re.findall(r'<figure class="one".*?</figure>', text, re.DOTALL)
    for one, figure in zip(sample.stickers, figures, strict=True):
        assert f'data-id="{one.id}"' in figure
        assert f"{one.value:.1f}" not in re.sub(r"data:image[^\"]*|[0-9a-f]{10,}", "", figure)
