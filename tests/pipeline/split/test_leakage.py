import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.split.leakage import Size, Straddle, leakage, pack_links, read_edges
from schemas.tables import DUPLICATES, OBSERVATIONS, SIGNALS

SHARES = {"train": 0.5, "test": 0.5}
SPLITS = {"a": "train", "b": "train", "c": "test", "d": "test", "e": None}
OWN = {sticker: sticker for sticker in SPLITS}


def test_straddling_keys_are_counted_by_kind() -> None:
    edges = {
        "pack": [
            ("a", "p"),
            ("b", "p"),
            ("a", "q"),
            ("c", "q"),
            ("d", "q"),
            ("b", "r"),
            ("c", "r"),
        ],
        "author": [("a", "x"), ("e", "x"), ("d", "y")],
    }
    report = leakage(SPLITS, OWN, edges, {}, SHARES)
    assert report.straddles == (
        Straddle("author", shared=0, straddling=0, rows=0, examples=()),
        Straddle("pack", shared=3, straddling=2, rows=4, examples=("q", "r")),
    )


def test_sizes_absent_tags_and_the_largest_group() -> None:
    labels = {"a": ["笑"], "b": ["哭", "笑"], "c": ["猫"], "e": ["狗"]}
    groups = {"a": "a", "b": "a", "c": "c", "d": "d", "e": "c"}
    report = leakage(SPLITS | {"f": "extra"}, groups | {"f": "f"}, {}, labels, SHARES)
    assert report.sizes == (
        Size("train", 0.5, 0.4, 2, ("猫",)),
        Size("test", 0.5, 0.4, 2, ("哭", "笑")),
        Size("extra", 0.0, 0.2, 1, ("哭", "猫", "笑")),
    )
    assert (report.groups, report.largest_group) == (4, 2)


def test_an_empty_release_has_a_report() -> None:
    report = leakage({"a": None}, {}, {"pack": [("a", "p")]}, {}, SHARES)
    assert report.largest_group == 0
    assert [size.rows for size in report.sizes] == [0, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["train", "test"])),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz"))),
)
def test_nothing_straddles_exactly_when_every_key_has_one_split(
    splits: dict[str, str], pairs: list[tuple[str, str]]
) -> None:
    report = leakage(splits, {s: s for s in splits}, {"pack": pairs}, {}, SHARES).straddles[0]
    across = {
        key
        for one, key in pairs
        for other, other_key in pairs
        if key == other_key and one in splits and other in splits and splits[one] != splits[other]
    }
    assert report.straddling == len(across)
    assert set(report.examples) == across


def test_edges_come_from_the_tables_and_names_are_told_apart_by_source() -> None:
    observations = pa.Table.from_pylist(
        [
            {"id": "a", "source": "s", "source_id": "1", "pack_id": "p", "pack_title": "P"},
            {"id": "b", "source": "t", "source_id": "2", "pack_id": "p", "author": "ann"},
            {"id": "c", "source": "s", "source_id": "3", "pack_title": "Q", "author": "ann"},
            {"id": "c", "source": "s", "source_id": "4", "media_url": "http://u/1", "author": ""},
        ],
        schema=OBSERVATIONS.schema,
    )
    assert pack_links(observations) == [("a", "s:p"), ("b", "t:p"), ("c", "s:Q")]
    duplicates = pa.Table.from_pylist(
        [
            {"id": "a", "group": "a", "representative": True, "template_id": "t1"},
            {"id": "b", "group": "a", "representative": False},
        ],
        schema=DUPLICATES.schema,
    )
    signals = pa.Table.from_pylist([{"id": "a", "pixel_sha256": "ff"}], schema=SIGNALS.schema)
    assert read_edges(duplicates, signals, observations) == {
        "sha256": [("a", "a"), ("b", "b")],
        "pixels": [("a", "ff")],
        "near_duplicate": [("a", "a"), ("b", "a")],
        "template": [("a", "t1")],
        "pack": [("a", "s:p"), ("b", "t:p"), ("c", "s:Q")],
        "page_url": [],
        "media_url": [("c", "http://u/1")],
        "author": [("b", "t:ann"), ("c", "s:ann")],
    }
