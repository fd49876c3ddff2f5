import pyarrow as pa

from pipeline.tags.named import NamedSet, blocked_topics

Row = tuple[int | None, list[str], str, str | None]


def settled(*rows: Row) -> NamedSet:
    cluster, tokens, decision, tag = (list(column) for column in zip(*rows, strict=True))
    keywords = pa.table(
        {
            "cluster": pa.array(cluster, pa.int32()),
            "tokens": pa.array(tokens, pa.list_(pa.string())),
            "decision": pa.array(decision, pa.string()),
            "tag": pa.array(tag, pa.string()),
        }
    )
    return NamedSet(1, 0, "", "", pa.table({}), keywords)


def test_words_of_a_blocked_cluster_are_blocked_that_most_of_it_has_and_no_tag() -> None:
    named = settled(
        (1, ["渣", "男人", "大"], "block", None),
        (1, ["渣", "男人"], "block", None),
        (1, ["渣"], "block", None),
        (2, ["滚"], "drop", None),
        (3, ["男人"], "keep", "t001"),
        (4, ["坏"], "block", None),
        (5, ["很", "糟"], "block", None),
        (None, ["空"], "block", None),
    )
    assert blocked_topics(named) == {"渣", "坏"}
    assert blocked_topics(settled((3, ["男人"], "keep", "t001"))) == set()
