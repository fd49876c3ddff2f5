"""What the gateway says to people, in the two languages that they may choose."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.questions import Language

_EN = {
    "title": "Labelling stickers",
    "hello": "Hello, {name}",
    "done": "You have done {done} of {all} stickers; {left} are left.",
    "nothing": "There is nothing for you to label yet. Your lead gives out stickers in batches.",
    "all done": "You have done all {all} stickers. Thank you!",
    "go on": "Go on labelling",
    "again": "Look at your answers again",
    "batch": "Batch",
    "labelling": "Labelling",
    "adjudication": "Disagreements",
    "screening": "Review of content",
    "screening said": "{done} of {all} stickers were looked at, by everybody together.",
    "screen": "Go on reviewing",
    "guidelines": "Guidelines",
    "gold": "How you did in batch {batch}",
    "gold said": "The label of some stickers was known before. Of {all}, you said the same of "
    "{same}, partly the same of {partly}.",
    "you said": "You said",
    "known": "Known",
    "no tag": "no tag",
    "skipped": "skipped",
    "same": "the same",
    "partly": "partly",
    "other": "different",
    "cartoon": "drawn",
    "real": "photographed",
    "log out": "Log out",
    "back": "Back to your page",
    "lead": "You lead this labelling.",
    "projects": "All projects in Label Studio",
    "of": "of",
    "commands": "What to run next",
    "stickers": "stickers",
    "refuse": "This page isn't for you",
    "rule": "Annotators see their own stickers and nothing else of the server.",
    "project": "That project is somebody else's. Your own is on your page.",
    "task": "That sticker is somebody else's. Your own are on your page.",
    "withdrawn": "That sticker was taken back from you; nothing is left to do about it.",
    "answer": "That answer was given by somebody else.",
    "file": "That file isn't shown.",
    "path": "That address can't be read.",
    "action": "Annotators can't do that.",
    "body": "That can't be read as an answer: a JSON object is needed.",
    "large": "That is larger than this server takes.",
    "left": "You have left this team: thank you for your work! Ask the lead if that is a mistake.",
    "stranger": "You are on no list of this labelling. Ask the lead to name you in "
    "label.annotators.",
    "nobody": "Please log in first.",
    "away": "Label Studio doesn't answer at the moment. Your answers so far are safe. The lead can "
    "start it: stickerworks label setup",
    "no more": "No stickers are left for you.",
    "slow": "Too many wrong passwords. Wait a minute, then try again. If you lost yours, the lead "
    "can give you a new one: stickerworks label password",
}
_ZH = {
    "title": "表情包标注",
    "hello": "你好，{name}",
    "done": "你已完成 {done} 张，共 {all} 张，还剩 {left} 张。",
    "nothing": "目前还没有分给你的表情包。负责人会分批发放。",
    "all done": "全部 {all} 张都已完成，谢谢！",
    "go on": "继续标注",
    "again": "再看看自己的回答",
    "batch": "批次",
    "labelling": "标注",
    "adjudication": "分歧裁定",
    "screening": "内容审查",
    "screening said": "大家一共已查看 {done} 张，共 {all} 张。",
    "screen": "继续审查",
    "guidelines": "标注指南",
    "gold": "你在批次 {batch} 中的表现",
    "gold said": "其中有些表情包的标签是事先已知的。共 {all} 张，完全一致 {same} 张，部分一致 "
    "{partly} 张。",
    "you said": "你的回答",
    "known": "已知标签",
    "no tag": "无标签",
    "skipped": "已跳过",
    "same": "一致",
    "partly": "部分一致",
    "other": "不同",
    "cartoon": "绘制",
    "real": "照片",
    "log out": "退出登录",
    "back": "回到你的主页",
    "lead": "你是本次标注的负责人。",
    "projects": "Label Studio 中的全部项目",
    "of": "/",
    "commands": "接下来可运行的命令",
    "stickers": "张",
    "refuse": "此页面不对你开放",
    "rule": "标注者只能看到自己的表情包，看不到服务器上的其他内容。",
    "project": "该项目属于别人。你的项目在你的主页上。",
    "task": "这张表情包分给了别人。你的表情包在你的主页上。",
    "withdrawn": "这张表情包已收回，不需要再处理。",
    "answer": "这个回答是别人给出的。",
    "file": "该文件不予显示。",
    "path": "无法识别该地址。",
    "action": "标注者不能进行此操作。",
    "body": "无法识别为回答：需要 JSON 对象。",
    "large": "内容过大，服务器不接受。",
    "left": "你已离开本团队，感谢你的工作！如有误，请联系负责人。",
    "stranger": "你不在本次标注的名单中。请负责人将你加入 label.annotators。",
    "nobody": "请先登录。",
    "away": "Label Studio 暂时没有响应。你之前的回答都已保存。负责人可以启动它：stickerworks label "
    "setup",
    "no more": "没有剩下的表情包了。",
    "slow": "密码输错次数过多。请等一分钟后再试。如果忘记了密码，负责人可以给你换一个："
    "stickerworks label password",
}
WORDS: Mapping[Language, Mapping[str, str]] = MappingProxyType({"en": _EN, "zh": _ZH})


def preferred_language(header: str) -> Language | None:
    """The first of our languages in an Accept-Language; None when it names neither.

    >>> preferred_language("fr, zh-CN;q=0.9, en;q=0.8")
    'zh'
    """
    weighed: list[tuple[float, Language]] = []
    for part in header[:500].split(","):
        name, _, weight = part.strip().lower().partition(";q=")
        language = name.partition("-")[0]
        known: Language | None = "zh" if language == "zh" else "en" if language == "en" else None
        if known is not None:
            weighed.append((_weight(weight), known))
    best = max((weight for weight, _ in weighed), default=0.0)
    return next((language for weight, language in weighed if weight == best > 0), None)


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
