from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.tags.name_forms import is_blocked, same_name
from pipeline.tags.words import (
    BLOCKED_WORDS,
    STICKER_WORDS,
    blocked_words,
    read_blocked,
    read_dictionary,
    read_function_words,
    read_reactions,
    stop_words,
)


def test_a_dictionary_takes_jiebas_format_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\ufeff# ours\n摸鱼 100 n\n\nＢ数\n摸鱼\n", encoding="utf-8")
    assert read_dictionary(path) == ("B数", "摸鱼")


def test_a_missing_dictionary_says_what_to_correct(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match=r"nowhere.*tags\.user_dictionary"):
        read_dictionary(tmp_path / "nowhere.txt")


def test_a_dictionary_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("摸鱼".encode("gbk"))
    with pytest.raises(StickerworksError, match="UTF-8"):
        read_dictionary(path)


def test_our_dictionary_holds_slang() -> None:
    assert {"打工人", "无语", "表情包", "滑稽", "摸鱼", "B数"} <= set(
        read_dictionary(STICKER_WORDS)
    )


def test_reactions_are_no_stop_words_but_would_be() -> None:
    reactions = read_reactions()
    assert {"哈哈", "什么", "啊", "thanks"} <= stop_words(()) & set(reactions)
    assert not stop_words(reactions) & set(reactions)
    assert {"的", "我们", "the"} <= stop_words(reactions)


def test_our_blocked_words_are_each_there_once_and_no_reaction_or_dictionary_word() -> None:
    words = read_blocked(BLOCKED_WORDS)
    assert len(words) >= 150
    assert len({same_name(word) for word in words}) == len(words)
    reactions = [word for word in read_reactions() if is_blocked(word, words)]
    assert reactions == []
    assert all(is_blocked(word, words) for word in words)


INNOCENT = """
    操场 体操 操作 操心 曹操 情操 节操 广播体操 早操 逼真 逼近 别逼我 被逼无奈 小鸡巴士 生日
    生日快乐 今日 日常 日你好 今日你好 妈妈 妈妈的爱 他妈妈的 阴天 太阳 阳光 阳台 龟 乌龟
    乌龟头像 精华 精液体 异性交往 路口交通 蓬勃起来 做爱心 酒精 奶茶 奶狗 鸡 炸鸡 小鸡 鸡腿
    妓院街 三级跳 黑人问号 黄色 黄昏 黑白 打工人 摸鱼 强壮 贱萌 杂货 种子 王八 狗 单身狗 傻瓜
    傻笑 脑洞 智能 弱小 白天 草莓 我草莓味 我日记 草原 羊驼 淫雨霏霏的 尼泊尔 支付宝 支持 变脸
    干杯 干饭 干活 滚 屁股 屁桃 裸辞 胖子 残酷 棒子 棒棒糖 class pass grass assassin bass glass
    cocktail peacock dickens moby scunthorpe shiitake hello title analysis canal button cumin
    document cucumber therapist grape drape sextant essex sussex spice spices raccoon tycoon
    retardant nudge fagot bitcoin basement embarrass swank wankel prickly cockpit hancock
    pakistan 2b ok lol omg cat
"""


def test_innocent_words_pass_our_list() -> None:
    words = frozenset(read_blocked(BLOCKED_WORDS))
    assert [word for word in INNOCENT.split() if is_blocked(word, words)] == []


OFFENSIVE = """
    傻逼 大傻逼 装逼犯 你妈的 操你妈 他妈的 卧槽 牛逼 牛Ｂ 媽的 懵逼 fuck Fucking WTF
    sonofabitch dumbass you're-a-bitch 臥槽 傻屌 婊子 黑鬼 n.i.g.g.e.r sb 做爱 色情图 porn
"""


def test_swear_words_slurs_and_sexual_words_dont() -> None:
    words = frozenset(read_blocked(BLOCKED_WORDS))
    assert [word for word in OFFENSIVE.split() if not is_blocked(word, words)] == []


def test_a_configured_list_adds_words_and_phrases_to_ours(tmp_path: Path) -> None:
    path = tmp_path / "blocked.txt"
    path.write_text("\ufeff# ours\n老板\n bad  cat # no\n\n", encoding="utf-8")
    assert read_blocked(path) == ("bad cat", "老板")
    assert set(blocked_words(str(path))) == {*blocked_words(None), "bad cat", "老板"}


def test_a_list_that_cant_be_read_says_which_key_to_correct(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match=r"nowhere.*tags\.blocked_words"):
        blocked_words(str(tmp_path / "nowhere.txt"))
    path = tmp_path / "words.txt"
    path.write_bytes("摸鱼".encode("gbk"))
    with pytest.raises(StickerworksError, match="blocked words.*UTF-8"):
        blocked_words(str(path))


def test_function_words_are_no_names_of_moods_or_things() -> None:
    assert {"没有", "已经", "一下"} <= set(read_function_words())
    assert not {"哈哈", "猫", "加油", "谢谢", "快乐"} & set(read_function_words())
