"""The keywords of synthetic stickers: phrases of who, what and how, in English and Chinese."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

_SUBJECTS = """
cat dog panda rabbit bear fox duck frog penguin hamster tiger pig cow sheep monkey owl seal whale
otter koala sloth dragon robot ghost alien wizard pirate baby boss teacher student doctor chef
driver grandma dumpling bun noodle peach melon potato cactus cloud moon star sun teacup toast
mushroom snail
"""
_MOODS = """
laughing crying angry sleepy shy proud bored hungry surprised scared dancing running waving hugging
working eating drinking thinking winking singing begging hiding cheering fainting kissing nodding
refusing thanking sorry congratulating waiting leaving
"""
_WHO = "猫咪 狗狗 熊猫 兔子 小熊 企鹅 青蛙 老板 宝宝 包子"
_HOW = "开心 大哭 生气 困了 害羞 得意 无聊 饿了 惊讶 害怕 跳舞 加油 再见 谢谢 抱抱"

SUBJECTS = tuple(_SUBJECTS.split())
"""What packs are about."""
MOODS = tuple(_MOODS.split())
"""What stickers say."""


def keywords() -> npt.NDArray[Any]:
    """Distinct keywords, the most frequent first: moods alone, then phrases in a fixed order."""
    chinese = [who + how for who, how in product(_WHO.split(), _HOW.split())]
    phrases = [f"{mood} {subject}" for subject, mood in product(SUBJECTS, MOODS)]
    others = [*SUBJECTS, *chinese, *phrases]
    shuffled = np.random.default_rng(0).permutation(len(others))
    return np.array([*MOODS, *(others[place] for place in shuffled)], dtype=object)
