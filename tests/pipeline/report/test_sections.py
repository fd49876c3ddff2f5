"""What each section counts and samples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from table_rows import put

from pipeline.engine.audits import AuditResult, Finding, SuggestedBound, write_result
from pipeline.engine.workspace import Workspace
from pipeline.report import annotating, counts, filtering, plots, releasing, tagging
from pipeline.report.report import write_report
from schemas.config import Config, FilterConfig, RuleConfig


@pytest.fixture
def own(make_workspace: Callable[..., Workspace]) -> Workspace:
    return make_workspace(20, 20)


def test_headline_counts_every_shard(filled: Workspace) -> None:
    headline = counts.headline(filled)
    assert headline["outcomes"] == {"kept": 80, "dropped": 10, "failed": 10}
    assert (headline["read"], headline["observations"], headline["adds_up"]) == (100, 200, True)
    assert headline["splits"] == {"train": 60, "validation": 10, "test": 10}


def test_a_lost_sticker_is_noticed(own: Workspace) -> None:
    rows = own.read("decisions", 0).to_pylist()
    rows[3]["outcome"] = "mislaid"
    put(own, "decisions", rows)
    headline = counts.headline(own)
    assert not headline["adds_up"]
    assert (headline["decided"], headline["read"]) == (39, 40)


def test_labels_of_another_crawl_are_not_joined(own: Workspace) -> None:
    rows = own.read("labels", 0).to_pylist()
    put(own, "labels", rows[::-1])
    assert counts.headline(own)["labelled"] == 7


def test_rules_count_drops_and_those_that_one_rule_causes(filled: Workspace) -> None:
    section = filtering.rules(filled, FilterConfig())
    found = {rule["name"]: (rule["dropped"], rule["alone"]) for rule in section["rules"]}
    assert found == {"aspect": (10, 5), "entropy": (5, 0)}
    assert section["total"] == 10
    assert section["idle"] == ["min_side", "ocr_length"]
    aspect = section["rules"][0]
    assert aspect["bounds"] == "at most 2.5"
    assert len(aspect["cards"]) == 8
    assert aspect["cards"][0].lines[0] == "aspect 3.25 above 2.5"


def test_reasons_say_on_which_side_a_value_lies(filled: Workspace) -> None:
    section = filtering.rules(filled, FilterConfig())
    lines = [line for card in section["rules"][1]["cards"] for line in card.lines]
    assert any(line.startswith("entropy 0.1 below 0.3: <script>") for line in lines)


def test_distributions_are_drawn_with_the_thresholds_in_force(filled: Workspace) -> None:
    plain = filtering.distributions(filled, FilterConfig(rules={"aspect": RuleConfig(max=None)}))
    cut = filtering.distributions(filled, FilterConfig(rules={"aspect": RuleConfig(max=2.0)}))
    moved = filtering.distributions(filled, FilterConfig(rules={"aspect": RuleConfig(max=2.5)}))
    assert [plot["title"].split()[0] for plot in plain["plots"]] == [
        *("Aspect", "Entropy", "Text", "Shorter", "Frames"),
    ]
    images = {section["plots"][0]["image"] for section in (plain, cut, moved)}
    assert len(images) == 3
    assert plain["plots"][1] == cut["plots"][1]


def test_duplicate_groups_show_the_representative_first(filled: Workspace) -> None:
    section = filtering.near_duplicates(filled)
    assert section["dropped"] == 5
    assert sum(len(cards) - 1 for cards in section["groups"]) == 5
    for cards in section["groups"]:
        assert cards[0].lines == ("representative",)
        assert cards[1].lines == ("perceptual, difference 7",)
    assert section["template_count"] == 2
    assert [len(t["cards"]) for t in section["templates"]] == [6, 5]
    sizes = [t["size"] for t in section["templates"]]
    assert sizes == sorted(sizes, reverse=True)


def test_failures_are_grouped_by_kind(filled: Workspace) -> None:
    section = counts.failures(filled)
    assert section["reasons"] == [("truncated after N of N frames", 10)]
    assert len(section["sample"]) == 10
    assert section["sample"][0]["format"] == "gif"


def test_unfetched_are_grouped(filled: Workspace) -> None:
    section = counts.unfetched(filled)
    assert section["total"] == 7
    assert [(g["state"], g["error_class"], g["count_all"]) for g in section["groups"]] == [
        ("gone", "http_404", 7)
    ]


def test_gallery_is_the_same_random_sample_whatever_the_shards(filled: Workspace) -> None:
    section = counts.gallery(filled, 10)
    kept = [r["id"] for r in filled.read("decisions").to_pylist() if r["kept"]]
    assert [card.id for card in section["cards"]] == sorted(kept)[:10]
    assert (section["total"], len(section["cards"])) == (80, 10)


def test_tags_are_ranked_with_flags_and_what_became_of_keywords(filled: Workspace) -> None:
    section = tagging.tags(filled)
    assert [row["tag"] for row in section["rows"]] == ["笑", "哭", "狗", "happy", "打工人"]
    assert (section["keywords"], section["oversized"]) == (40, 1)
    assert section["states"] == "33 clustered, 4 fitted, 3 unclustered"
    assert section["named"] is False
    assert section["suggestions"] == {
        "stickers": 100,
        "each": 1.0,
        "sources": "keyword 100, ocr 20",
    }


@pytest.mark.parametrize(
    ("clear", "height", "mood", "said"),
    [
        (True, 0.6, "good", "K = 3 is in use; its elbow is clear (height 0.600)."),
        (False, 0.01, "warn", "no clear elbow (height 0.010)"),
        (None, None, "plain", "the configuration fixes it"),
    ],
)
def test_the_page_says_how_clear_the_elbow_is(
    own: Workspace,
    clear: bool | None,
    height: float | None,
    mood: str,
    said: str,
) -> None:
    rows = [{"k": 3, "inertia": 1.0, "height": height, "chosen": True, "clear": clear}]
    put(own, "elbow", rows)
    html = write_report(own, Config()).read_text()
    (note,) = re.findall(r'<p class="note (\w+)">(K = [^<]*)', html)
    assert note[0] == mood
    assert said in note[1]


def test_where_people_named_the_clusters_the_elbow_is_theirs(own: Workspace) -> None:
    put(own, "elbow", [{"k": 3, "inertia": 1.0, "chosen": True, "clear": False, "height": 0.01}])
    put(own, "tagset", [{"tag": "笑", "named": True, "flags": []}])
    verdict = tagging.tags(own)["verdict"]
    assert verdict["mood"] == "plain"
    assert verdict["text"] == "K = 3 made the clusters that people named."


def test_domain_examples_go_from_sure_to_unsure(filled: Workspace) -> None:
    section = annotating.domain(filled)
    assert section["counts"] == {"real": 50, "cartoon": 50}
    assert section["examples"]["real"][0].lines == ("real 0.99",)
    assert section["examples"]["cartoon"][0].lines == ("real 0.00",)
    assert section["examples"]["unsure"][0].lines == ("real 0.50",)
    # Voted cartoon for 38 effective stickers; the machine says cartoon below number 50.
    assert section["compared"] == sum(n % 2 == 0 and n % 8 != 4 for n in range(100))
    assert section["agreed"] == sum(n % 2 == 0 and n % 8 != 4 for n in range(50))


def test_captions_count_rows_of_each_language(filled: Workspace) -> None:
    section = annotating.captions(filled)
    assert [(row["language"], row["rows"]) for row in section["written"]] == [
        ("en", 80),
        ("zh", 80),
    ]
    assert len(section["sample"]) == 12
    assert all(len(texts) == 2 for _, texts in section["sample"])


def test_labels_count_statuses_and_agreement_on_tags(filled: Workspace) -> None:
    section = annotating.labels(filled)
    effective = [n for n in range(100) if n % 2 == 0 and n % 8 != 4]
    assert section["statuses"]["effective"] == len(effective)
    assert section["statuses"]["unlabelled"] == 50
    happy = next(row for row in section["tags"] if row["tag"] == "happy")
    assert (happy["given"], happy["agreed"]) == (
        len(effective),
        sum(n % 5 == 3 for n in effective),
    )
    assert section["simulated"] == 50
    assert section["disputed"][0].lines == ("笑 1, 哭 1, 狗 1",)


def test_splits_count_voted_tags_before_suggested_ones(filled: Workspace) -> None:
    section = releasing.splits(filled, Config())
    assert [(row["name"], row["stickers"]) for row in section["sizes"]] == [
        *(("train", 60), ("validation", 10), ("test", 10)),
    ]
    assert section["sizes"][0]["share"] == 0.75
    voted = [n % 2 == 0 and n % 8 != 4 for n in range(100)]
    trained = [n for n in range(100) if n % 10 in range(2, 8)]
    happy = sum((n if voted[n] else n + 1) % 5 == 3 for n in trained)
    assert {row["tag"]: row["train"] for row in section["tags"]}["happy"] == happy
    assert sum(row["train"] for row in section["tags"]) == 60
    assert section["absent"] == {"train": 0, "validation": 3, "test": 4}


def test_release_counts_rows_of_each_split(own: Workspace) -> None:
    data = own.releases / "stickers-0.1.0" / "data"
    data.mkdir(parents=True)
    (own.releases / ".stickers-0.2.0.77.tmp").mkdir()
    (own.releases / "stickers-0.0.9").mkdir()
    for name, rows in (
        ("train-00000-of-00002", 5),
        ("train-00001-of-00002", 4),
        ("test-00000-of-00001", 2),
    ):
        pq.write_table(pa.table({"x": list(range(rows))}), data / f"{name}.parquet")
    (data / "test-broken.parquet").write_bytes(b"nothing")
    section = releasing.release(own, Config())
    assert section["rows"] == [("test", 2), ("train", 9)]
    assert section["others"] == ["stickers-0.0.9"]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"passed": None, "curves": [1], "rows": [2], "interval": "x", "reasons": "no"},
        {"curves": {"real": [{"epoch": 1}, 7, {"loss": 1}], "other": 3}, "interval": [1, None]},
        {"real": float("nan"), "margin": True, "rows": {"train": "many"}},
    ],
)
def test_gate_takes_whatever_shape_it_finds(tmp_path: Path, content: object) -> None:
    workspace = Workspace(tmp_path)
    workspace.reports.mkdir()
    (workspace.reports / "gate.json").write_text(json.dumps(content))
    section = releasing.gate(workspace, Config())
    assert section["there"]
    assert (section["numbers"], section["interval"], section["plots"]) == ([], [], [])


def test_gate_draws_both_curves(filled: Workspace) -> None:
    section = releasing.gate(filled, Config())
    assert section["passed"] is True
    assert dict(section["numbers"])["difference"] == 0.21
    assert section["interval"] == [0.15, 0.27]
    assert len({plot["image"] for plot in section["plots"]}) == 2


def test_gate_tells_its_figures_with_their_units(filled: Workspace) -> None:
    told = dict(releasing.gate(filled, Config())["told"])
    assert told["real labels"] == "41.00%"
    assert (told["difference"], told["margin asked"]) == ("21.00 points", "5.00 points")
    assert told["95% interval of the difference"] == "15.00 points … 27.00 points"


def test_curves_have_whole_epochs_and_shares_in_per_cent(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(plots, "_uri", lambda figure: drawn.append(figure) or "")
    run = [{"epoch": n, "map": 0.1 * n, "validation_loss": 0.02} for n in (1, 2, 3)]
    for field in ("map", "validation_loss"):
        plots.draw_curves({"real": run, "control": run}, field, field)
    share, loss = (figure.axes[0] for figure in drawn)
    assert share.get_ylabel() == "map, in per cent"
    assert list(share.lines[0].get_ydata()) == pytest.approx([10, 20, 30])
    assert loss.get_ylim()[1] < 0.1, "a loss has a scale of its own"
    assert all(tick == int(tick) for axes in (share, loss) for tick in axes.get_xticks())


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_an_unreadable_gate_is_said_to_be(tmp_path: Path, content: str) -> None:
    workspace = Workspace(tmp_path)
    workspace.reports.mkdir()
    (workspace.reports / "gate.json").write_text(content)
    assert releasing.gate(workspace, Config())["unreadable"]


def measured(workspace: Workspace, name: str, part: int = 0, first: float = 0.0) -> None:
    """Give every sticker of a shard a number: 0, 0.1, 0.2, ... from ``first`` on."""
    ids = workspace.read("stickers", part, ["id"])["id"].to_pylist()
    rows = [
        {"id": key, "name": name, "version": 1, "value": first + n / 10}
        for n, key in enumerate(ids)
    ]
    put(workspace, "measures", [*rows, {"id": ids[0], "name": name, "error": "failed"}], part)


def test_every_measure_is_drawn_with_its_bounds(
    own: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[plots.Histogram] = []
    monkeypatch.setattr("pipeline.report.measured.draw_histogram", lambda h: drawn.append(h) or "")
    measured(own, "sparkle")
    measured(own, "sparkle", 1, first=2.0)
    put(own, "expensive_measures", [{"id": "x", "name": "safety", "version": 1, "value": 0.5}])
    config = FilterConfig(rules={"sparkle": RuleConfig(max=5.0)})
    found = filtering.distributions(own, config)["plots"]
    assert [plot["title"] for plot in found[-2:]] == ["safety", "sparkle"]
    (sparkle,) = (one for one in drawn if one.title == "sparkle")
    assert (sparkle.kept.sum(), sparkle.dropped.sum()) == (32, 8)
    assert sparkle.thresholds == [5.0]
    assert sparkle.edges[0] < 0.05
    assert sparkle.edges[-1] > 5


def test_rules_that_stand_on_no_column_of_ours_are_asked(
    own: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[plots.Histogram] = []
    monkeypatch.setattr("pipeline.report.measured.draw_histogram", lambda h: drawn.append(h) or "")
    asked: list[set[str]] = []

    def values(parts: tuple[int, ...], bounds: Mapping[str, RuleConfig]) -> dict[str, Any]:
        asked.append(set(bounds))
        count = sum(own.rows("stickers", part) for part in parts)
        return {name: pa.chunked_array([[None, *range(1, count)]], pa.float64()) for name in bounds}

    config = FilterConfig(rules={"strange": RuleConfig(min=3), "off": RuleConfig()})
    filtering.distributions(own, config, values)
    assert asked == [{"strange"}]
    assert drawn[-1].title == "strange"
    assert drawn[-1].kept.sum() + drawn[-1].dropped.sum() == 39


def test_audits_are_told_with_their_interval(own: Workspace) -> None:
    found = Finding(
        population=500, asked=100, answered=90, agreed=81, share=0.9, low=0.8, high=0.95
    )
    bound = SuggestedBound(
        wanted=0.95, bound=2.75, share=0.96, low=0.9, high=0.99, drops=400, sure=False, why="x"
    )
    result = AuditResult(
        rule="aspect", unit="ratio", drawn="0", min=None, max=2.5, near=0.2, withheld=0,
        dropped=found, kept=None, suggested=bound, unsure=0, people=1, last_answer=None,
    )  # fmt: skip
    write_result(own, result)
    text = write_report(own, Config()).read_text("utf-8")
    section = text[text.index('id="audits"') : text.index('id="distributions"')]
    for told in ("at most 2.5", "90.0%", "80.0% to 95.0%", "90 answers about 500", "<b>2.75</b>"):
        assert told in section
