"""What the demo's stickers are about: concepts, their phrases, and the packs that hold them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """One true tag: its name, the emotion that it expresses (one of SER30K's seven), its colour
    (HSV, each 0 to 1) and the phrases that mean it.

    Phrases of one concept share a word, so that clustering keywords finds the concept again.
    """

    name: str
    english: str
    emotion: str
    colour: tuple[float, float, float]
    chinese_phrases: tuple[str, ...]
    english_phrases: tuple[str, ...]

    @property
    def keywords(self) -> tuple[str, ...]:
        """What file names may say of it; an English phrase always stands beside the name."""
        mixed = tuple(f"{phrase} {self.name}" for phrase in self.english_phrases)
        return self.chinese_phrases + mixed


@dataclass(frozen=True)
class Pack:
    """One category of the index: ``<number><english>_<theme><emoji>BQB``."""

    number: int
    english: str
    theme: str
    emoji: str
    concept: str

    @property
    def category(self) -> str:
        return f"{self.number:03d}{self.english}_{self.theme}{self.emoji}BQB"


def fold_phrase(text: str) -> str:
    """A phrase in the form in which phrases and observed keywords are compared."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


CONCEPTS: tuple[Concept, ...] = (
    Concept(
        "开心",
        "happy",
        "happiness",
        (0.14, 0.80, 0.97),
        (
            "开心",
            "开心的我",
            "我很开心",
            "大家开心",
            "开心一笑",
            "就要开心",
            "又开心了",
            "都开心吗",
        ),
        ("happy", "so happy"),
    ),
    Concept(
        "哭泣",
        "cry",
        "sadness",
        (0.57, 0.55, 0.93),
        (
            "哭泣",
            "我在哭泣",
            "别哭泣了",
            "又要哭泣",
            "哭泣流泪",
            "自己哭泣",
            "还在哭泣",
            "哭泣什么",
        ),
        ("cry", "i cry"),
    ),
    Concept(
        "猫咪",
        "cat",
        "neutral",
        (0.075, 0.72, 0.93),
        (
            "猫咪",
            "我的猫咪",
            "好猫咪呀",
            "猫咪来了",
            "可爱猫咪",
            "都是猫咪",
            "给你猫咪",
            "猫咪是我",
        ),
        ("cat", "my cat"),
    ),
    Concept(
        "加油",
        "cheer",
        "happiness",
        (0.0, 0.85, 0.92),
        (
            "加油",
            "加油加油",
            "你要加油",
            "大家加油",
            "加油努力",
            "给你加油",
            "都加油呀",
            "再加油吧",
        ),
        ("cheer", "you cheer"),
    ),
    Concept(
        "晚安",
        "night",
        "neutral",
        (0.67, 0.60, 0.55),
        (
            "晚安",
            "晚安晚安",
            "大家晚安",
            "你晚安吗",
            "晚安好梦",
            "说晚安了",
            "和你晚安",
            "我先晚安",
        ),
        ("night", "good night"),
    ),
    Concept(
        "谢谢",
        "thanks",
        "happiness",
        (0.87, 0.62, 0.86),
        (
            "谢谢",
            "谢谢谢谢",
            "谢谢大家",
            "我谢谢你",
            "谢谢老板",
            "都谢谢了",
            "说谢谢吧",
            "又谢谢啦",
        ),
        ("thanks", "many thanks"),
    ),
    Concept(
        "吃饭",
        "eat",
        "neutral",
        (0.47, 0.75, 0.68),
        (
            "吃饭",
            "我要吃饭",
            "去吃饭了",
            "又吃饭呀",
            "吃饭努力",
            "大家吃饭",
            "你吃饭吗",
            "还在吃饭",
        ),
        ("eat", "now eat"),
    ),
    Concept(
        "生气",
        "angry",
        "anger",
        (0.99, 0.80, 0.62),
        (
            "生气",
            "我很生气",
            "不生气了",
            "又生气呀",
            "生气跺脚",
            "都在生气",
            "你生气吗",
            "还要生气",
        ),
        ("angry", "very angry"),
    ),
    Concept(
        "爱心",
        "love",
        "happiness",
        (0.95, 0.48, 0.98),
        (
            "爱心",
            "我的爱心",
            "给你爱心",
            "都是爱心",
            "爱心发射",
            "又爱心了",
            "爱心给我",
            "要爱心吗",
        ),
        ("love", "so love"),
    ),
    Concept(
        "再见",
        "bye",
        "sadness",
        (0.34, 0.65, 0.72),
        (
            "再见",
            "再见再见",
            "大家再见",
            "我再见了",
            "挥手再见",
            "和你再见",
            "说再见吧",
            "就再见啦",
        ),
        ("bye", "you bye"),
    ),
    Concept(
        "疑问",
        "question",
        "surprise",
        (0.77, 0.62, 0.80),
        (
            "疑问",
            "我有疑问",
            "都是疑问",
            "又疑问了",
            "满脸疑问",
            "什么疑问",
            "还有疑问",
            "你疑问吗",
        ),
        ("question", "my question"),
    ),
    Concept(
        "工作",
        "work",
        "disgust",
        (0.58, 0.10, 0.55),
        (
            "工作",
            "我要工作",
            "还在工作",
            "又工作了",
            "认真工作",
            "都在工作",
            "别工作啦",
            "你工作吗",
        ),
        ("work", "now work"),
    ),
)
BY_NAME: dict[str, Concept] = {concept.name: concept for concept in CONCEPTS}

PACKS: tuple[Pack, ...] = (
    Pack(1, "Happy", "开心一家", "😄", "开心"),
    Pack(2, "Cry", "哭泣日记", "😭", "哭泣"),
    Pack(3, "Cat", "猫咪日常", "🐱", "猫咪"),
    Pack(4, "Cheer", "加油小队", "💪", "加油"),
    Pack(5, "Night", "晚安世界", "🌙", "晚安"),
    Pack(6, "Thanks", "谢谢光临", "🙏", "谢谢"),
    Pack(7, "Eat", "吃饭食堂", "🍚", "吃饭"),
    Pack(8, "Angry", "生气小脸", "😡", "生气"),
    Pack(9, "Love", "爱心工厂", "💗", "爱心"),
    Pack(10, "Bye", "再见故乡", "👋", "再见"),
    Pack(11, "Question", "疑问现场", "❓", "疑问"),
    Pack(12, "Work", "工作公司", "💻", "工作"),
)
PRIVATE_PACK = Pack(99, "Private", "私人收藏", "🔒", "开心")
"""The pack that the site's robots.txt disallows."""
