"""All our words on the three screens, in each language that people read."""

from __future__ import annotations

from schemas.questions import Language

_WORDS: dict[str, dict[Language, str]] = {
    "tags": {"en": "Tags (at most {})", "zh": "标签（最多 {} 个）"},
    "search": {"en": "Click, then type to search", "zh": "点击后输入文字搜索"},
    "domain": {"en": "Domain", "zh": "类型"},
    "cartoon": {"en": "cartoon (drawn)", "zh": "卡通（画的）"},
    "real": {"en": "real (photographed)", "zh": "真实（拍的）"},
    "domain_must": {"en": "Choose cartoon or real.", "zh": "请选择卡通或真实。"},
    "caption": {"en": "Caption", "zh": "描述"},
    "caption_hint": {
        "en": "What it shows and what it is used to say",
        "zh": "画面里有什么，用来表达什么",
    },
    "ocr": {"en": "Text in it", "zh": "图中文字"},
    "ocr_hint": {
        "en": "What stands written in it; empty when nothing does",
        "zh": "图里写的字；没有字就留空",
    },
    "optional": {"en": "{} (optional)", "zh": "{}（可不填）"},
    "several": {"en": "{} (any number)", "zh": "{}（可多选）"},
    "several_optional": {"en": "{} (any number, or none)", "zh": "{}（可多选，可不填）"},
    "question_must": {"en": "Please answer: {}", "zh": "请回答：{}"},
    "votes": {"en": "Votes", "zh": "投票"},
    "skipped": {"en": "skipped", "zh": "已跳过"},
    "no_tag": {"en": "no tag", "zh": "没有标签"},
    "voted_cartoon": {"en": "cartoon", "zh": "卡通"},
    "voted_real": {"en": "real", "zh": "真实"},
    "flags": {"en": "Is anything wrong with it?", "zh": "内容有问题吗？"},
    "flags_must": {
        "en": "Choose what is wrong with it, or that nothing is.",
        "zh": "请选择有什么问题，或选择没有问题。",
    },
    "fine": {"en": "Nothing wrong", "zh": "没有问题"},
    "inappropriate": {"en": "Inappropriate: sex, violence, drugs", "zh": "不当：色情、暴力、毒品"},
    "offensive": {"en": "Offensive: hate, discrimination", "zh": "冒犯：仇恨、歧视"},
    "insulting": {
        "en": "Insulting: mocks a person or a group",
        "zh": "侮辱：嘲讽某人或某个群体",
    },
    "personal_data": {
        "en": "Personal data: a private person, a name, a number, a chat",
        "zh": "个人信息：普通人的照片、姓名、号码、聊天记录",
    },
    "note": {"en": "Note", "zh": "备注"},
    "note_hint": {"en": "What did you see?", "zh": "你看到了什么？"},
    "not_shown": {
        "en": "This format can't be shown here: please skip it.",
        "zh": "这种格式无法在这里显示，请跳过。",
    },
    "blurred": {
        "en": "Click the picture to see it clearly, again to blur it.",
        "zh": "点击图片可看清，再点一次恢复模糊。",
    },
    "safety": {"en": "safety score {}", "zh": "安全分数 {}"},
}


def word(name: str, language: Language, *values: object) -> str:
    """What the screens say in a language, with ``values`` in their places.

    >>> word("tags", "en", 6)
    'Tags (at most 6)'
    """
    return _WORDS[name][language].format(*values)
