from typing import Any

import pyarrow as pa

from pipeline.tags.blocked import blocked_by_people

TEXTS = pa.list_(pa.string())


def sets(*pairs: tuple[int, int]) -> pa.Table:
    """Tags of sets and of those before them; each set has one, called 名."""
    count = len(pairs)
    return pa.table(
        {
            "number": [n for n, _ in pairs],
            "parent": [p for _, p in pairs],
            "tag": ["名"] * count,
            "english": pa.nulls(count, pa.string()),
            "aliases": pa.nulls(count, TEXTS),
        }
    )


def decided(*rows: tuple[int, str, str]) -> pa.Table:
    columns = zip(*[(*row, None) for row in rows], strict=True)
    names = ("number", "decision", "name", "english")
    return pa.table(dict(zip(names, map(list, columns), strict=True)))


def settled(*rows: tuple[int, list[str], str, str | None]) -> pa.Table:
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 4
    return pa.table(
        {
            "number": pa.array([2] * len(rows), pa.int32()),
            "cluster": pa.array(columns[0], pa.int32()),
            "tokens": pa.array(columns[1], TEXTS),
            "decision": pa.array(columns[2], pa.string()),
            "tag": pa.array(columns[3], pa.string()),
        }
    )


def test_names_of_blocked_rows_count_in_the_set_in_use_and_those_before() -> None:
    rows = decided(
        (1, "block", "坏"), (1, "drop", "无"), (2, "block", "corrected"), (3, "block", "糟")
    )
    # The third set corrects the second.
    assert blocked_by_people(rows, sets((1, 0), (2, 1), (3, 1)), settled()) == {"坏", "糟"}
    assert blocked_by_people(rows, sets((1, 0), (2, 1)), settled()) == {"坏", "corrected"}
    assert blocked_by_people(rows, sets((2, 0)).slice(1), settled()) == frozenset()


def test_words_of_a_blocked_cluster_count_that_most_of_it_has_and_no_tag() -> None:
    keywords = settled(
        (1, ["渣", "男人", "大"], "block", None),
        (1, ["渣", "男人"], "block", None),
        (1, ["渣"], "block", None),
        (2, ["滚"], "drop", None),
        (3, ["男人"], "keep", "t001"),
    )
    nothing = decided((1, "keep", "人"))
    assert blocked_by_people(nothing, sets((1, 0), (2, 1)), keywords) == {"渣"}


def test_sets_that_name_each_other_as_parents_come_to_an_end() -> None:
    rows = decided((1, "block", "坏"))
    assert blocked_by_people(rows, sets((1, 2), (2, 1)), settled()) == {"坏"}


def test_what_a_tag_in_use_is_called_is_not_blocked_any_more() -> None:
    naming = decided((1, "block", "大佬"), (1, "block", "笨蛋"))
    tags = sets((1, 0), (2, 1))
    assert blocked_by_people(naming, tags, settled()) == {"大佬", "笨蛋"}
    lifted = tags.set_column(2, "tag", pa.array(["名", "大佬写码"]))
    assert blocked_by_people(naming, lifted, settled()) == {"笨蛋"}
    earlier = tags.set_column(2, "tag", pa.array(["大佬", "名"]))
    assert blocked_by_people(naming, earlier, settled()) == {"大佬", "笨蛋"}
