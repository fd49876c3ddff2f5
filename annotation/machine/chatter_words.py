"""Words of models about their task: who speaks to whom, of what, and what announces an answer."""

from __future__ import annotations

import re

# Who speaks to whom, of what: a sentence with both is about the task, unless somebody says it.
PERSON = re.compile(
    r"\b(?:(?-i:I)(?:['’](?:m|d|ll|ve))?|my|me|you|your)\b|我|本人|[您你]", re.IGNORECASE
)
TASK = re.compile(
    r"\b(?:captions?|descriptions?|describe|(?<!picture )(?<!photo )frames?|screenshots?|images?"
    r"|pictures?(?! frame)|photos?(?! frame)|stickers?"
    r"|attempts?|prompts?|words|version)\b|截图|图片|图像|画面|帧|描述|标题|清晰度|分辨率|表情包",
    re.IGNORECASE,
)
SAYING = re.compile(
    r"\b(?:says?|said|saying|reads?|asks?|shouts?|writ\w{1,6}|text|sign|words? )\b|[写说喊问道字]",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[.!?。！？\n]")
# Of these alone an announcement consists; one of the latter must be among them.
ANNOUNCES = re.compile(r"[^\n:：\"“”.。!！?？]{1,80}[:：]\s{0,9}(?=\S)")
_WEAK = (
    "here is are 's you your go my the a an of for in to this that it i we as with and below "
    "following final short brief concise one possible english chinese words word sure okay please "
    "image picture sticker gif animation photo plain simple more now revised improved requested"
)
_STRONG = (
    "answer caption captions description summary translation version response output result "
    "sentence rewrite title suggestion attempt go"
)
WEAK, STRONG = frozenset(_WEAK.split()), frozenset(_STRONG.split())
WORD = re.compile(r"[a-z]+|'s|\d+", re.IGNORECASE)
WEAK_ZH = re.compile(
    r"没问题|好的|最终|最后|以下|下面|这是|一句话|简短|简要|简洁|修改后|优化后|中文|英文|请看|图片|图像"
    r"|表情包|表情|贴纸|动图|动态|画面|生成|可以|关于|整理|[的我您你给帮为这张个图了好，,如已要对用一写请是就\s]"
)
STRONG_ZH = re.compile(
    r"描述|概括|总结|译文|翻译|回答|答案|版本|标题|文案|输出|配文|写好了|整理好了"
)
