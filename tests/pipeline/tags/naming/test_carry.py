"""Decisions about earlier clusters find the clusters of now."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.tags.naming.carry import carried_lines, carry
from pipeline.tags.naming.earlier import earlier_rounds, tag_notes
from pipeline.tags.naming.rows import ADD, Naming, NamingRow


def proposal(key: str, *exemplars: str, name: str | None = None) -> dict[str, Any]:
    tag = key if key.startswith("t") else None
    names = {"name": name, "english": None, "group": None, "aliases": None}
    return {"key": key, "tag": tag, **names, "exemplars": list(exemplars), "version": "new"}


def row(key: str, *exemplars: str, **more: Any) -> NamingRow:
    return NamingRow(key=key, version="old", exemplars=exemplars, cells={"name": "A1"}, **more)


def test_a_decision_goes_where_most_of_the_exemplars_are() -> None:
    old = Naming("", (
        row("c0", "a", "b", "c", decision="keep", name="甲", english="A", group="g",
            aliases=("x",), note="n"),
        row("c1", "d", "e", decision="drop"),
        row("c2", "f", "g", decision="drop", name="丙"),
        row("c3", "h"),
    ))  # fmt: skip
    now = [proposal("c0", "e", "d"), proposal("c1", "b", "c", "z"), proposal("c2", "f", "y", "z")]
    found = carry(old, now)
    assert found.rows == {
        "c0": NamingRow(key="c0", decision="drop", version="new"),
        "c1": NamingRow(key="c1", decision="keep", name="甲", english="A", group="g",
                        aliases=("x",), note="n", version="new"),
    }  # fmt: skip
    assert [left.key for left in found.left] == ["c2"]
    assert carried_lines(found) == ["taken over: 2 rows", "not taken over: c2 (drop 丙)"]


def test_a_kept_row_goes_to_one_cluster_alone_and_a_dropped_one_to_all() -> None:
    old = Naming("", (
        row("c0", "a", "b", "c", decision="keep", name="甲"),
        row("c1", "d", "e", decision="删除"),
    ))  # fmt: skip
    now = [proposal("c0", "a"), proposal("c1", "b", "c"), proposal("c2", "d"), proposal("c3", "e")]
    decided = {key: found.decision for key, found in carry(old, now).rows.items()}
    assert decided == {"c1": "keep", "c2": "删除", "c3": "删除"}


def test_targets_are_called_what_they_are_called_now() -> None:
    old = Naming("", (
        row("c0", "a", decision="keep", name="甲"),
        row("c1", "b", decision="merge", into="c0"),
        row("c2", "c", decision="merge", into="Cat"),
        row("c3", "d", decision="merge", into="lost"),
        row("c4", "e", decision="merge", into="狗"),
        row("c9", "zz", decision="keep", name="gone"),
        NamingRow(decision=ADD, name="CAT", keywords=("k",), version="old"),
        NamingRow(decision=ADD, name="狗 ", words=("w",), version="old"),
    ))  # fmt: skip
    now = [proposal(f"c{9 - n}", keyword) for n, keyword in enumerate("abcde")]
    found = carry(old, [*now, proposal("t001", "q", name="狗")])
    into = {key: row.into for key, row in found.rows.items()}
    assert into == {"c9": "", "c8": "c9", "c7": "Cat", "c6": "", "c5": "狗"}
    assert found.loose == ("c6",)
    # A tag has the other's name by now.
    assert [(tag.name, tag.version) for tag in found.added] == [("CAT", ""), ("gone", "")]
    assert "not taken over: 狗 , which is a tag by now" in carried_lines(found)


def test_a_frozen_tag_takes_the_row_of_its_key() -> None:
    old = Naming("", (
        row("t001", "a", decision="keep", name="甲"),
        row("t002", "b", decision="drop"),
    ))  # fmt: skip
    now = [proposal("t001", "b", name="乙"), proposal("t002", "a", name="丙")]
    found = carry(old, now).rows
    assert (found["t001"].name, found["t002"].decision) == ("甲", "drop")


def test_rows_about_these_very_proposals_stay_where_they_are() -> None:
    old = Naming("", (NamingRow(key="c1", decision="drop", version="new"),))
    assert set(carry(old, [proposal("c0", "a"), proposal("c1", "b")]).rows) == {"c1"}


def test_a_name_without_a_cluster_becomes_a_tag_added_by_hand() -> None:
    old = Naming("", (
        row("c0", "a", "b", "c", decision="keep", name="甲"),
        row("c1", "d", decision="keep", name="乙", english="B", group="g", aliases=("x",),
            note="n"),
        row("c2", "z", decision="merge", into="c1"),
        row("c3", "e", decision="keep", name="Ｔ"),
        row("c4", decision="keep", name="丁"),
    ))  # fmt: skip
    found = carry(
        old, [proposal("c0", "a", "b", "d"), proposal("c1", "z"), proposal("t001", name="t")]
    )
    assert (found.rows["c0"].name, found.rows["c1"].into) == ("甲", "乙")
    assert found.added == (
        NamingRow("", ADD, "乙", "B", "g", ("x",), keywords=("d",),
                  note="n; was c1 of an earlier sheet"),
    )  # fmt: skip
    assert [left.key for left in found.left] == ["c3", "c4"]
    assert any("added as tags" in line and "c1" in line for line in carried_lines(found))


def kept(key: str, name: str, **more: Any) -> NamingRow:
    return NamingRow(key=key, decision="keep", name=name, **more)


def proposed(tables: Any) -> list[dict[str, Any]]:
    """Proposals as they are, with the keywords of each as its exemplars."""
    rows: list[dict[str, Any]] = tables.read("proposals").to_pylist()
    held = tables.read("clusters").to_pylist()
    return [
        {**row, "exemplars": [one["keyword"] for one in held if one["key"] == row["key"]]}
        for row in rows
    ]


def test_a_file_of_an_earlier_round_turns_nothing_back(rounds: Any) -> None:
    tables = rounds()
    first = tables.propose({"c0": ["a"], "c1": ["b"], "c2": ["c"]})
    file = (
        kept("c0", "甲", version=first, exemplars=("a",)),
        kept("c1", "乙", version=first, exemplars=("b",)),
        NamingRow("c2", "merge", into="c0", version=first, exemplars=("c",)),
        NamingRow(decision=ADD, name="手", words=("w",), version=first),
    )
    tables.apply(file)
    second = tables.propose({"c3": ["d"]})
    tables.apply([
        kept("t001", "大甲", version=second), kept("t002", "乙", version=second),
        kept("t003", "大手", version=second), kept("c3", "丁", version=second),
    ])  # fmt: skip
    tables.propose({"c4": ["e"]})
    old = Naming(
        "old.xlsx", (file[0], kept("c1", "丙", version=first, exemplars=("e",)), *file[2:])
    )

    found = carry(old, proposed(tables), earlier_rounds(tables, old))

    assert {key: one.name for key, one in found.rows.items()} == {"t002": "丙"}
    assert (found.added, found.left) == ((), ())
    older, newer = found.changed
    assert (
        older
        == "t001 is 大甲 in the set in use; the file says keep 甲, which is older: not taken over"
    )
    assert newer.startswith("t002 is 乙 in the set in use; the file says keep 丙: taken over")
    assert set(found.changed) < set(carried_lines(found))


def test_a_frozen_tag_takes_nothing_over_by_its_exemplars(rounds: Any) -> None:
    tables = rounds()
    first = tables.propose({"c0": ["a", "b"]})
    tables.apply([kept("c0", "甲", version=first)])
    tables.propose({"c1": ["d"]})
    old = Naming("", (kept("c7", "别的", version="draft", exemplars=("a", "b")),))
    found = carry(old, proposed(tables), earlier_rounds(tables, old))
    assert (found.rows, found.added) == ({}, ()), "what is settled goes nowhere else unasked"
    assert [row.key for row in found.left] == ["c7"]


def test_notes_on_tags_are_those_of_the_newest_round(rounds: Any) -> None:
    tables = rounds()
    first = tables.propose({"c0": ["a"], "c1": ["b"]})
    by_hand = NamingRow(decision=ADD, name="手", words=("w",), note="by hand", version=first)
    tables.apply([kept("c0", "甲", note="one", version=first),
                  kept("c1", "乙", note="two", version=first), by_hand])  # fmt: skip
    assert tag_notes(tables) == {"t001": "one", "t002": "two", "t003": "by hand"}
    second = tables.propose({"c2": ["c"]})
    rows = [kept(f"t00{n}", name, version=second) for n, name in enumerate(("甲", "乙", "手"), 1)]
    drop = NamingRow("c2", "drop", version=second)
    tables.apply([rows[0], replace(rows[1], note="other"), rows[2], drop])
    assert tag_notes(tables) == {"t002": "other"}


words = st.sampled_from([f"w{n}" for n in range(12)])
exemplars = st.lists(words, min_size=1, max_size=5, unique=True)


@given(st.lists(st.tuples(exemplars, st.sampled_from(["", "keep", "drop"])), max_size=6),
       st.lists(exemplars, max_size=6))  # fmt: skip
def test_nothing_is_lost_without_a_word(
    old: list[tuple[list[str], str]], new: list[list[str]]
) -> None:
    rows = tuple(
        row(f"c{n}", *words, decision=decision, note=str(n))
        for n, (words, decision) in enumerate(old)
    )
    now = [proposal(f"c{n}", *words) for n, words in enumerate(new)]
    found = carry(Naming("", rows), now)
    used = {taken.note for taken in found.rows.values()}
    assert used | {left.note for left in found.left} == {str(n) for n in range(len(old))}
    kept = [taken.note for taken in found.rows.values() if taken.decision == "keep"]
    assert len(kept) == len(set(kept))
    for key, taken in found.rows.items():
        shared = set(new[int(key[1:])]) & set(rows[int(taken.note)].exemplars)
        assert len(shared) > 1 or 2 * len(shared) >= len(new[int(key[1:])])
