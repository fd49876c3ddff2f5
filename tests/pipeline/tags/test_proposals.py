import random
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.name_forms import is_blocked, name_fault, same_name, which_blocked
from pipeline.tags.proposals import Proposal, class_terms, propose

TOKENS = pa.list_(pa.string())


def cluster(*keywords: str) -> list[tuple[str, list[str]]]:
    return [(keyword, keyword.split()) for keyword in keywords]


def keyword_table(clusters: Mapping[str, Sequence[tuple[str, list[str]]]]) -> pa.Table:
    rows = [
        (k, t, key, float(n)) for key, found in clusters.items() for n, (k, t) in enumerate(found)
    ]
    keywords, tokens, keys, distances = zip(*rows, strict=True) if rows else ((),) * 4
    return pa.table(
        {
            "keyword": pa.array(keywords, pa.string()),
            "tokens": pa.array(tokens, TOKENS),
            "key": pa.array(keys, pa.string()),
            "distance": pa.array(distances, pa.float64()),
        }
    )


def name_clusters(
    clusters: Sequence[Sequence[tuple[str, list[str]]]],
    blocked: Sequence[str] = (),
    current: Mapping[str, Sequence[str]] | None = None,
) -> list[Proposal]:
    table = keyword_table({f"c{number}": found for number, found in enumerate(clusters)})
    return propose(table, blocked, current)


def best_words(*classes: str) -> list[list[str]]:
    tokens = pa.array([words.split() for words in classes], TOKENS)
    found = class_terms(tokens, np.arange(len(classes)), len(classes), most=10)
    return [[word for word, _ in terms] for terms in found]


def test_a_word_that_every_class_uses_ranks_last() -> None:
    assert best_words("猫 猫 真 真 真", "狗 狗 真 真 真") == [["猫", "真"], ["狗", "真"]]


def test_what_all_keywords_of_a_cluster_say_is_its_name_and_its_first_term() -> None:
    shared = cluster(*(f"熊猫头 {word}" for word in ("家庭", "懒惰", "耳朵", "聊天", "没有")))
    singletons = [cluster(f"熊猫头 单{number}") for number in range(120)]
    found = name_clusters([shared, *singletons])[0]
    assert (found.name, found.terms[0]) == ("熊猫头", "熊猫头")
    # Nor is a cluster called by the one keyword that says a thing twice.
    assert name_clusters([cluster("笑 哈", "笑 嘿", "笑 呵呵 呵呵 呵呵")])[0].terms[0] == "笑"


def test_a_word_of_few_keywords_names_no_cluster_where_another_has_a_good_share() -> None:
    third = cluster("跑步 甲", "跑步 乙", "丙", "丁", "罕见 罕见 罕见 罕见", "戊")
    others = [cluster(f"跑步 单{number}") for number in range(60)]
    found = name_clusters([third, *others])[0]
    assert found.terms[0] == "罕见"
    assert found.name == "跑步"


def test_equal_words_go_by_the_alphabet_and_only_the_best_are_given() -> None:
    assert best_words("b a", "d c", "") == [["a", "b"], ["c", "d"], []]
    tokens = pa.array([["b", "a", "b"]], TOKENS)
    assert [[word for word, _ in one] for one in class_terms(tokens, np.zeros(1, int), 1, 1)] == [
        ["b"]
    ]


def test_names_that_collide_get_their_next_word_and_end_in_a_number() -> None:
    tags = name_clusters(
        [cluster(*["猫咪"] * 9, "笑"), cluster(*["猫咪"] * 9, "大哭"), cluster("猫咪")]
    )
    assert [tag.name for tag in tags] == ["猫咪", "猫咪 大哭", "猫咪 2"]


def test_a_name_in_another_width_or_script_is_taken() -> None:
    tags = name_clusters([cluster("貓咪"), cluster("ＯＫ")], current={"t001": ("猫咪", "ok")})
    assert [tag.name for tag in tags] == ["貓咪 0", "ＯＫ 1", "猫咪"]


def test_a_tag_keeps_its_name_and_may_have_no_keyword() -> None:
    table = keyword_table({"t002": cluster("狗"), "c7": cluster("加油")})
    found = {p.key: p for p in propose(table, ["狗子"], {"t002": ("狗子",), "t010": ("空的",)})}
    assert list(found) == ["c7", "t002", "t010"]
    assert (found["t002"].name, found["t010"].name) == ("狗子", "空的")
    assert (found["t010"].terms, found["t010"].keywords, found["t010"].flags) == ((), 0, ())


def test_rows_without_a_key_are_passed_over() -> None:
    table = keyword_table({"c0": cluster("加油")})
    nothing = table.set_column(2, "key", pa.nulls(1, pa.string()))
    assert propose(nothing) == []
    assert [p.keywords for p in propose(pa.concat_tables([table, nothing]))] == [1]


def test_a_word_of_one_character_gives_way_to_a_longer_one_that_is_nearly_as_common() -> None:
    assert name_clusters([cluster("奈 无奈", "奈 无奈", "奈")])[0].name == "无奈"
    seldom = cluster("打", "打", "打", "打 无奈", "打 无奈")
    assert name_clusters([seldom])[0].name == "打"


def test_a_function_word_gives_way_to_the_nearest_short_keyword_that_has_it() -> None:
    said = [("我已经很想出门了", ["已经", "出门"]), ("已经在路上?!", ["已经", "路上"])]
    found = name_clusters([[*said, *cluster("已经", "已经", "已经")]])
    assert found[0].terms[0] == "已经"
    assert found[0].name == "已经在路上"


def test_words_that_most_keywords_say_together_are_one_name() -> None:
    said = [("去写代码", ["写", "代码"]), ("写代码吧", ["写", "代码"]), ("不写", ["写"])]
    assert name_clusters([said])[0].name == "写代码"
    often = [("多喝热水", ["喝", "热水"]), ("喝热水", ["喝", "热水"]), ("热水", ["热水"])]
    assert name_clusters([often])[0].name == "喝热水"
    assert name_clusters([[*often, ("热水袋", ["热水", "袋"])]])[0].name == "热水"
    apart = [("惊不惊喜", ["惊", "惊喜"]), ("惊不惊喜啊", ["惊", "惊喜"])]
    assert name_clusters([apart])[0].name == "惊喜"


def test_a_short_keyword_by_itself_is_its_name() -> None:
    assert name_clusters([[("认怂三连", ["认怂", "三连"])]])[0].name == "认怂三连"


def test_a_name_has_the_case_of_the_keyword_that_says_just_that() -> None:
    said = [("b数", ["b数"]), ("B数", ["b数"]), ("没有B数啊啊啊", ["b数"])]
    assert name_clusters([said])[0].name == "B数"


def test_a_latin_word_that_the_cluster_is_about_is_the_english_name() -> None:
    assert name_clusters([cluster("修 bug", "bug", "bug 来 了")])[0].english == "bug"
    assert name_clusters([cluster("红包 qq", "红包", "红包", "红包")])[0].english is None


def test_blocked_words_are_passed_over_and_a_cluster_of_them_has_no_name() -> None:
    some = cluster("傻逼 表情", "表情", "表情", "傻逼 傻逼 傻逼 表情 表情 大哭")
    most = cluster("傻逼", "大傻逼", "加油")
    named, none = name_clusters([some, most], ["傻逼"])
    assert (named.name, named.flags) == ("表情", ())
    assert (none.name, none.flags) == (None, ("blocked",))
    split = [("傻逼", ["傻", "逼"]), ("傻逼啊", ["傻", "逼"]), *cluster("天空", "大海")]
    assert name_clusters([split], ["傻逼"])[0].name == "傻"
    assert name_clusters([cluster("傻 逼")], ["傻逼"])[0].name is None


def test_exemplars_are_the_nearest_keywords() -> None:
    table = pa.table(
        {
            "keyword": ["丁", "乙", "丙"],
            "tokens": pa.array([["a"]] * 3, TOKENS),
            "key": ["c0"] * 3,
            "distance": [0.9, 0.1, 0.1],
        }
    )
    assert propose(table)[0].exemplars == ("丙", "乙", "丁")


def test_oversized_and_singleton_clusters_are_flagged() -> None:
    big = cluster(*(f"大{n}" for n in range(40)))
    small = [cluster(f"小{n}", f"少{n}") for n in range(19)]
    tags = name_clusters([big, *small, cluster("独")])
    assert [tag.flags for tag in tags] == [("oversized",), *[()] * 19, ("singleton",)]


def test_two_equal_clusters_are_not_oversized() -> None:
    found = name_clusters([cluster("猫", "猫咪"), cluster("狗", "狗子")])
    assert [tag.flags for tag in found] == [(), ()]


def test_blocked_keywords_are_found_in_columns_as_one_by_one() -> None:
    texts = [
        "傻逼",
        "操场",
        "操 你",
        "class",
        "kick-ass",
        None,
        "",
        "Ass",
        "一群傻 逼",
        "大雞巴",
        "傻瓜",
    ]
    blocked = ["傻逼", "操", "ass", "鸡巴"]
    found = which_blocked(pa.array(texts, pa.string()), blocked)
    assert found.tolist() == [text is not None and is_blocked(text, blocked) for text in texts]
    assert found.tolist() == [True, False, True, False, True, False, False, *[True] * 3, False]
    assert not which_blocked(pa.array(texts, pa.string()), []).any()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(
            st.sampled_from(["猫", "貓 笑", "狗", "OK", "ok ｏｋ", "傻逼", "没有", "猫 狗 笑"]),
            min_size=1,
            max_size=4,
        ),
        max_size=12,
    ),
    st.randoms(),
)
def test_names_are_unique_and_allowed_whatever_the_clusters(
    keywords: list[list[str]], chance: random.Random
) -> None:
    table = keyword_table({f"c{n}": cluster(*words) for n, words in enumerate(keywords)})
    found = propose(table, ["傻逼"], {"t001": ("笑",)})
    names = [tag.name for tag in found if tag.name is not None]
    assert len({same_name(name) for name in names}) == len(names)
    assert all(name_fault(name) is None and not is_blocked(name, ["傻逼"]) for name in names)
    for tag, words in zip(found, keywords, strict=False):
        assert (tag.name is None) == (2 * words.count("傻逼") > len(words))
    order = list(range(len(table)))
    chance.shuffle(order)
    assert propose(table.take(pa.array(order, pa.int64())), ["傻逼"], {"t001": ("笑",)}) == found
