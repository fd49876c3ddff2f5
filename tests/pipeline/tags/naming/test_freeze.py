import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from pipeline.tags.blocked import blocked_by_people
from pipeline.tags.named import read_named, words_by_hand
from pipeline.tags.naming import freeze as freezing
from pipeline.tags.naming.basis import find_basis
from pipeline.tags.naming.freeze import write_frozen
from pipeline.tags.naming.resolve import resolve
from pipeline.tags.naming.rows import Naming, NamingError, NamingRow

CLUSTERS = {"c0": ["开心 大笑", "大笑"], "c1": ["猫 睡觉"], "c2": ["狗 跑"], "c3": ["傻瓜"]}
Make = Callable[[], Any]
Decisions = list[tuple[str, int]]


def keep(version: str, key: str, name: str, **more: Any) -> NamingRow:
    return NamingRow(key=key, decision="keep", name=name, version=version, **more)


def kept(version: str, keys: Sequence[str] = tuple(CLUSTERS)) -> list[NamingRow]:
    return [keep(version, key, f"名{key}") for key in keys]


def ids(named: Any) -> dict[str, str]:
    return dict(zip(named.tags["tag"].to_pylist(), named.tags["id"].to_pylist(), strict=True))


def fates(named: Any) -> dict[str, tuple[str | None, str]]:
    rows = named.keywords.to_pylist()
    return {row["keyword"]: (row["tag"], row["decision"]) for row in rows}


@given(
    decisions=st.lists(
        st.tuples(st.sampled_from(["keep", "merge", "drop", "block"]), st.integers(0, 11)),
        min_size=12,
        max_size=12,
    ),
    taken=st.sets(st.integers(0, 35), max_size=4),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_any_naming_that_holds_freezes_and_gives_every_keyword_one_fate(
    rounds: Make, decisions: Decisions, taken: set[int], seed: int
) -> None:
    clusters = {f"c{n}": [f"词{3 * n + m}" for m in range(3)] for n in range(12)}
    begun = rounds()
    version = begun.propose(clusters, loose=["散"])
    alive = [n for n, (decision, _) in enumerate(decisions) if decision == "keep"]
    rows = []
    for n, (decision, target) in enumerate(decisions):
        row = keep(version, f"c{n}", f"名{n}")
        if decision == "merge" and alive:
            into = alive[target % len(alive)]
            row = replace(row, decision="merge", into=f"名{into}" if target % 2 else f"c{into}")
        elif decision != "keep":
            row = replace(row, decision="drop" if decision == "merge" else decision)
        rows.append(row)
    own = tuple(f"词{n}" for n in sorted(taken))
    rows.append(NamingRow(name="手工", keywords=(*own, "没人有")))
    random.Random(seed).shuffle(rows)
    named = begun.apply(rows)
    found = fates(named)
    assert len(found) == len(named.keywords)
    assert set(found) == {*(k for held in clusters.values() for k in held), "没人有"}
    by_name = ids(named)
    assert set(by_name) == {*(f"名{n}" for n in alive), "手工"}
    for n, (decision, target) in enumerate(decisions):
        for keyword in clusters[f"c{n}"]:
            if keyword in own:
                wanted = by_name["手工"], "add"
            elif decision == "keep":
                wanted = by_name[f"名{n}"], "keep"
            elif decision == "merge" and alive:
                wanted = by_name[f"名{alive[target % len(alive)]}"], "merge"
            else:
                wanted = None, "drop" if decision == "merge" else decision
            assert found[keyword] == wanted
    assert named.tags["version"].to_pylist() == [named.version] * len(by_name)
    assert sorted(by_name.values()) == [f"t{n:03d}" for n in range(1, len(by_name) + 1)]
    # The same again changes nothing, however the rows are sorted.
    random.Random(seed + 1).shuffle(rows)
    assert not begun.decide(rows).changed


def test_a_correction_keeps_ids_and_never_gives_one_twice(rounds: Make) -> None:
    begun = rounds()
    version = begun.propose(CLUSTERS)
    first = begun.apply([*kept(version), NamingRow(name="手工", keywords=("喵",))])
    assert (first.number, first.parent, first.basis) == (1, 0, version)
    rows = [
        keep(version, "c0", "笑"),
        NamingRow(key="c1", decision="drop", version=version),
        keep(version, "c2", "名c2"),
        NamingRow(key="c3", decision="merge", into="c2", version=version),
        NamingRow(name="换", keywords=("喵",)),
        NamingRow(name="狗", words=("跑",)),
    ]
    second = begun.apply(rows)
    assert (second.number, second.parent, second.basis) == (2, 0, version)
    assert ids(second) == {"笑": "t001", "名c2": "t003", "换": "t005", "狗": "t006"}
    assert fates(second)["傻瓜"] == ("t003", "merge")
    assert second.version != first.version
    third = begun.apply([*kept(version), NamingRow(name="手工", keywords=("喵",))])
    assert ids(third) == ids(first)
    assert third.version == first.version
    assert third.number == 3


def test_the_next_round_begins_with_the_frozen_tags(rounds: Make) -> None:
    begun = rounds()
    first = begun.apply(kept(begun.propose(CLUSTERS)))
    more = {"c4": ["新 词", "新"]}
    version = begun.propose(more)
    rows = [
        keep(version, "t001", "大笑"),
        NamingRow(key="t002", decision="merge", into="t001", version=version, name="名c1"),
        NamingRow(key="t003", decision="drop", version=version),
        keep(version, "t004", "名c3"),
        keep(version, "c4", "新"),
    ]
    second = begun.apply(rows)
    assert (second.number, second.parent) == (2, 1)
    tags = {row["id"]: row for row in second.tags.to_pylist()}
    assert {id_: row["tag"] for id_, row in tags.items()} == {
        "t001": "大笑", "t004": "名c3", "t005": "新",
    }  # fmt: skip
    # What it was called and what was merged into it are other names.
    assert tags["t001"]["aliases"] == ["名c1", "名c0"]
    assert tags["t001"]["keys"] == ["t001", "t002"]
    assert tags["t001"]["clusters"] == [0, 1]
    assert fates(second)["狗 跑"] == (None, "drop")
    # A correction of this round, then one that undoes the merge.
    rows[1] = keep(version, "t002", "名c1")
    third = begun.apply(rows)
    assert (third.number, third.parent) == (3, 1)
    assert ids(third) == {"大笑": "t001", "名c1": "t002", "名c3": "t004", "新": "t005"}
    assert first.version != second.version != third.version
    # What was dropped stays dropped in the round after, and nothing proposes it again.
    version = begun.propose({})
    again = [keep(version, id_, name) for name, id_ in ids(third).items()]
    assert fates(begun.apply(again))["狗 跑"] == (None, "drop")


def test_names_can_be_swapped_without_becoming_other_names(rounds: Make) -> None:
    begun = rounds()
    begun.apply(kept(begun.propose(CLUSTERS)))
    version = begun.propose({})
    rows = [keep(version, f"t{n:03d}", f"名c{n - 1}") for n in (1, 2, 3, 4)]
    rows[:2] = [keep(version, "t001", "名c1"), keep(version, "t002", "名c0")]
    named = begun.apply(rows)
    assert ids(named) == {"名c1": "t001", "名c0": "t002", "名c2": "t003", "名c3": "t004"}
    assert named.tags["aliases"].to_pylist() == [[], [], [], []]


def test_words_given_by_hand_follow_their_tag(rounds: Make) -> None:
    begun = rounds()
    version = begun.propose(CLUSTERS)
    added = NamingRow(name="手工", words=("睡觉", "未来"), keywords=("明天",))
    frozen = begun.decide([*kept(version), added])
    assert [note.partition(": ")[2] for note in frozen.notes] == [
        "no keyword has the word '未来' so far",
        "nobody has the keyword '明天' so far",
        "'名c1' is left without keywords: '手工' took them all",
    ]
    first = begun.apply([*kept(version), NamingRow(name="手工", words=("睡觉", "未来"))])
    assert fates(first)["猫 睡觉"] == ("t005", "add")
    assert words_by_hand(begun, first) == {"睡觉": "t005", "未来": "t005"}
    version = begun.propose({})
    rows = [keep(version, f"t{n:03d}", f"名c{n - 1}") for n in (1, 2, 3, 4)]
    merged = NamingRow(key="t005", decision="merge", into="t001", version=version, name="手工")
    second = begun.apply([*rows, merged])
    assert words_by_hand(begun, second) == {"睡觉": "t001", "未来": "t001"}


def test_the_version_changes_with_what_the_set_says_alone(rounds: Make) -> None:
    def version(**more: Any) -> str:
        begun = rounds()
        rows = kept(begun.propose(CLUSTERS))
        rows[0] = replace(rows[0], **more)
        return str(begun.apply(rows).version)

    plain = version()
    assert version(note="so") == plain
    others = [{"name": "笑"}, {"english": "laugh"}, {"group": "g"}, {"aliases": ("哈",)}]
    assert len({plain, *(version(**more) for more in others)}) == 5


@pytest.mark.parametrize("writes", range(5))
def test_a_kill_between_writes_leaves_one_whole_set(
    rounds: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    workspace = Workspace(tmp_path)
    begun = rounds()
    version = begun.propose(CLUSTERS)
    write_frozen(workspace, begun.decide(kept(version)))
    begun.apply(kept(version))
    before = read_named(workspace)
    assert len(before.keywords) == 5
    rows = [NamingRow(key="c0", decision="drop", version=version), *kept(version)[1:]]
    frozen = begun.decide(rows)
    write, done = freezing._write, []

    def dies(*given: Any) -> None:
        if len(done) == writes:
            raise KeyboardInterrupt
        done.append(given)
        write(*given)

    monkeypatch.setattr(freezing, "_write", dies)
    if writes < 4:
        with pytest.raises(KeyboardInterrupt):
            write_frozen(workspace, frozen)
    else:
        write_frozen(workspace, frozen)
    monkeypatch.undo()
    found = read_named(workspace)
    assert found.number == (1 if writes < 3 else 2)
    if writes < 3:
        assert found.tags.equals(before.tags)
        assert found.keywords.equals(before.keywords)
    else:
        assert found.tags.equals(frozen.tags)
        assert found.keywords.equals(frozen.keywords)
    # And the same again ends where an uninterrupted run does.
    write_frozen(workspace, frozen if writes < 3 else replace(frozen, number=3))
    assert len(workspace.read("named_keywords")) == len(frozen.keywords)
    assert workspace.read("naming")["number"].to_pylist().count(1) == 4


@pytest.mark.parametrize("writes", range(9))
def test_the_same_again_ends_where_an_uninterrupted_run_does(
    rounds: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Two sets, killed after so many writes in all, then both applied again from where it was."""
    begun = rounds()
    version = begun.propose(CLUSTERS)
    decided = [kept(version), [NamingRow(key="c0", decision="drop", version=version)]]
    decided[1] += kept(version)[1:]
    write, done = freezing._write, []

    def dies(*given: Any) -> None:
        if len(done) == writes:
            raise KeyboardInterrupt
        done.append(given)
        write(*given)

    def apply(workspace: Workspace, rows: list[NamingRow]) -> None:
        basis = find_basis(workspace, [version])
        resolved = resolve(Naming("names.xlsx", tuple(rows)), basis, ())
        write_frozen(workspace, freezing.freeze(workspace, basis, resolved, None, "2026"))

    def begin(folder: Path) -> Workspace:
        workspace = Workspace(folder)
        for table, rows in begun.tables.items():
            workspace.write(table, None, rows, Proof("test", ""))
        return workspace

    whole, killed = begin(tmp_path / "whole"), begin(tmp_path / "killed")
    for rows in decided:
        apply(whole, rows)
    monkeypatch.setattr(freezing, "_write", dies)
    at = 0
    with suppress(KeyboardInterrupt):
        for rows in decided:
            apply(killed, rows)
            at += 1
    monkeypatch.undo()
    for rows in decided[min(at, 1) :]:
        apply(killed, rows)
    for table in ("naming", "named_tags", "named_keywords", "named_elbow"):
        assert killed.read(table).equals(whole.read(table)), table


@given(seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_ids_and_version_do_not_depend_on_how_a_sheet_is_sorted(rounds: Make, seed: int) -> None:
    clusters = {f"c{n}": [f"词{n} 字", f"词{n}"] for n in range(12)}

    def named(shuffle: int | None) -> Any:
        begun = rounds()
        version = begun.propose(clusters)
        rows = [
            keep(version, key, f"名{key}a", group="gG"[n % 2]) for n, key in enumerate(clusters)
        ]
        merged = [
            NamingRow(key=f"c{n}", decision="merge", into="c9", name=f"并{n}", version=version)
            for n in (0, 4, 5)
        ]
        rows = [row for row in rows if row.key not in ("c0", "c4", "c5")] + merged
        rows += [NamingRow(name=f"手{n}", words=("字", f"词{n}")[n % 2 :]) for n in (1, 3)]
        rows += [NamingRow(name="手甲", keywords=("没人有",)), NamingRow(name="手A", words=("空",))]
        for more in range(2):  # the second time as a correction
            if shuffle is not None:
                random.Random(shuffle + more).shuffle(rows)
            if more:
                rows = [replace(r, name="改") if r.name == "手1" else r for r in rows]
            found = begun.apply(rows)
        return found

    sorted_, shuffled = named(None), named(seed)
    assert shuffled.version == sorted_.version
    assert shuffled.tags.equals(sorted_.tags)
    assert shuffled.keywords.equals(sorted_.keywords)


def test_a_sheet_that_nobody_touched_is_accepted_after_a_block(rounds: Make) -> None:
    begun = rounds()
    begun.apply(kept(begun.propose(CLUSTERS)))
    version = begun.propose({})
    rows = [keep(version, f"t{n:03d}", f"名c{n - 1}") for n in (1, 2, 3)]
    rows.append(NamingRow(key="t004", decision="block", name="大佬", version=version))
    with pytest.raises(NamingError) as refused:
        begun.decide([keep(version, "t001", "大佬写码"), *rows[1:]])
    assert "says '大佬', which is blocked with t004 大佬" in str(refused.value)
    # The keywords' word is blocked too, but for who says it.
    rows[0] = keep(version, "t001", "傻瓜写码")
    named = begun.apply(rows)
    assert blocked(begun) == {"大佬"}
    version = begun.propose({})
    again = [keep(version, id_, name) for name, id_ in ids(named).items()]
    begun.decide(again, by_people=blocked(begun))


def test_a_block_of_an_earlier_round_is_taken_back_by_a_tag_added_by_hand(rounds: Make) -> None:
    begun = rounds()
    version = begun.propose(CLUSTERS)
    block = NamingRow(key="c3", decision="block", name="傻瓜", version=version)
    begun.apply([*kept(version)[:3], block])
    assert blocked(begun) == {"傻瓜"}
    version = begun.propose({})
    rows = [keep(version, f"t{n:03d}", f"名c{n - 1}") for n in (1, 2, 3)]
    with pytest.raises(NamingError, match="says a word that is blocked"):
        begun.decide([keep(version, "t001", "傻瓜"), *rows[1:]], by_people=blocked(begun))
    back = NamingRow(name="傻瓜", keywords=("傻瓜",))
    with pytest.raises(NamingError, match="says a word that is blocked"):
        begun.decide([*rows, back], ["傻瓜"], blocked(begun))
    frozen = begun.decide([*rows, back], by_people=blocked(begun))
    assert "an earlier round blocked '傻瓜'; it is a name again" in frozen.notes[0]
    named = begun.apply([*rows, back])
    assert fates(named)["傻瓜"] == (ids(named)["傻瓜"], "add")
    assert not blocked(begun)


def blocked(begun: Any) -> frozenset[str]:
    return blocked_by_people(*(begun.read(n) for n in ("naming", "named_tags", "named_keywords")))


def test_a_tag_whose_keywords_all_went_to_others_is_told(rounds: Make) -> None:
    begun = rounds()
    version = begun.propose(CLUSTERS)
    added = [NamingRow(name="甲", words=("大笑",)), NamingRow(name="乙", words=("跑",))]
    notes = begun.decide([*kept(version), *added]).notes
    assert [note.partition(": ")[2] for note in notes] == [
        "'名c0' is left without keywords: '甲' took them all",
        "'名c2' is left without keywords: '乙' took them all",
    ]
