"""What the replica's model says: sentences and JSON objects chosen by the request's digest."""

from __future__ import annotations

import json
import re
from typing import Any

from openai_plan import Plan
from openai_request import ChatRequest
from openai_schema import fulfil, pick

Language = str  # en or zh

_ENGLISH = (
    ("A round", "A small", "A fluffy", "A drowsy", "A plump", "A cheerful", "A grumpy", "A shy"),
    ("cat", "dog", "rabbit", "bear", "penguin", "frog", "duck", "panda", "hamster", "fox"),
    (
        "waves with one paw",
        "hides behind a cushion",
        "jumps into the air",
        "holds a cup of tea",
        "lies flat on the floor",
        "hugs a large heart",
        "stares at a screen",
        "bows its head politely",
        "stamps its feet",
        "dances in a circle",
    ),
    (
        "and looks tired after a long day",
        "and looks happy to meet a friend",
        "and seems to say sorry",
        "and seems surprised by good news",
        "and looks close to tears",
        "and looks proud of its work",
        "and seems to ask for help",
        "and looks bored with waiting",
    ),
)
_CHINESE = (
    ("一只圆滚滚的", "一只小小的", "一只毛茸茸的", "一只犯困的", "一只胖乎乎的", "一只害羞的"),
    ("小猫", "小狗", "兔子", "小熊", "企鹅", "青蛙", "鸭子", "熊猫", "仓鼠", "狐狸"),
    (
        "挥着一只爪子",
        "躲在靠垫后面",
        "高高地跳起来",
        "捧着一杯热茶",
        "趴在地板上",
        "抱着一颗大爱心",
        "盯着屏幕看",
        "礼貌地低下头",
        "用力地跺着脚",
        "转着圈跳舞",
    ),
    (
        "，看上去忙了一天很累。",
        "，看上去见到朋友很开心。",
        "，像是在向人道歉。",
        "，像是听到好消息很惊讶。",
        "，看上去快要哭了。",
        "，看上去为自己感到骄傲。",
        "，像是在请求帮助。",
        "，看上去等得不耐烦了。",
    ),
)
_OTHER = {"en": "zh", "zh": "en"}
_CLAIMS = {
    "en": (
        ' The words "FREE PIZZA" are written on the sticker.',
        " The text reads “FREE PIZZA”.",
        " The caption says 'FREE PIZZA'.",
    ),
    "zh": ("贴纸上写着“免费披萨”。", "图中的文字是「免费披萨」。", '上面写着"FREE PIZZA"。'),
}


def content_of(request: ChatRequest, plan: Plan, *, swap: bool = False, claim: bool = False) -> str:
    """The model's answer: a rule's reply, else an object that fulfils the schema, else a sentence.

    ``swap`` speaks the other language, ``claim`` adds a text that the sticker is said to show;
    neither follows the rules.
    """
    digest = request.digest

    def say(language: Language, path: str) -> str:
        tongue = _OTHER[language] if swap else language
        claimed = pick(_CLAIMS[tongue], digest, "claim") if claim else ""
        return sentence(tongue, digest, path) + claimed

    reply = None if swap or claim else _rule(request, plan)
    if reply is not None:
        return reply if isinstance(reply, str) else _json(reply)
    if request.schema is not None:
        return _json(fulfil(request.schema, digest, lambda at: say(language_of_key(at), at), ()))
    language = language_of_text(request.last_user_text)
    if request.wants_json:
        return _json({"answer": say(language, "answer")})
    return say(language, "")


def sentence(language: Language, digest: str, path: str) -> str:
    """One sentence about a sticker, without a quotation, chosen by digest and path."""
    parts = _ENGLISH if language == "en" else _CHINESE
    said = [pick(options, digest, path, at) for at, options in enumerate(parts)]
    return " ".join(said) + "." if language == "en" else "".join(said)


def language_of_key(path: str) -> Language:
    """Language of a string by the keys above it: zh where the nearest suffix says so, else en."""
    found = re.findall(r"(?:^|_|\.)(en|zh)(?=\.|$)", path)
    return found[-1] if found else "en"


def language_of_text(text: str) -> Language:
    """Chinese where more than 0.3 of the letters are CJK."""
    letters = sum(map(str.isalpha, text))
    chinese = len(re.findall(r"[\u3400-\u4dbf\u4e00-\u9fff]", text))
    return "zh" if chinese > 0.3 * letters else "en"


def _rule(request: ChatRequest, plan: Plan) -> Any:
    for pattern, reply in plan.rules:
        if re.search(pattern, request.last_user_text):
            return pick(reply, request.digest, "rule") if isinstance(reply, list | tuple) else reply
    return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
