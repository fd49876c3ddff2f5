"""What models say around an answer: cut off where the rest stays right, else found.

Real texts that only look like it must pass: what is quoted is never looked at, and a beginning
counts only with the words and marks that make it one ("Here is the caption:", not "Here is").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from annotation.machine.checks import CHATTER, QUOTED, REPETITION
from annotation.machine.parsing import unwrapped

_LONGEST = 20_000
_TAIL = 400
_ROUNDS = 8

_THING = (
    r"(?:translation|summary|caption|description|sentence|answer|version|response|result|output"
    r"|sticker|text|rewrite)s?"
)
_LABEL = r"(?:translation|summary|caption|description|sentence|answer|response|result|output)"
_FRONT = re.compile(
    "|".join(
        (
            r"(?:assistant|model|助手|ai助手)\s{0,3}(?:[:：]|\n)\s{0,9}",
            # Sure! Here is the caption you asked for:
            r"(?:(?:sure|certainly|absolutely|of course|okay|ok|alright|great)(?: thing)?"
            r"[!,.]{1,3}\s+)?"
            r"(?:here(?:['’]s| is| are)|below is|this is)\s"
            rf"[^:：\n.!?\"“]{{0,60}}\b{_THING}\b[^:：\n.!?\"“]{{0,60}}[:：]\s{{0,9}}",
            r"(?:sure|certainly|absolutely|of course)(?: thing)?[!,.]\s{1,9}"
            r"(?=(?-i:An?|The|This|In|On|Two|Three|Here|I)\b)",
            r"i(?:['’]d| would) be (?:happy|glad) to "
            r"(?:help|assist|describe|translate|summari[sz]e)"
            r"[^.!:\n]{0,60}[.!:]\s{1,9}",
            rf"[#>*_\s]{{0,6}}(?:(?:one[- ]sentence|english|chinese|sticker|image|short|final)\s)?"
            rf"(?:{_LABEL}(?: (?:of|in|for|into)\b[^:：\n]{{0,60}})?|english|chinese)"
            r"\s?[*_]{0,3}[:：]\s?[*_]{0,3}\s{0,9}",
            r"#{1,6}\s[^\n]{1,60}\n\s{0,9}",
            # The image shows a cat.
            r"(?:in (?:this|the) (?:image|picture|photo|animation|gif|illustration),?\s"
            r"(?:(?:there (?:is|are)|(?:we|you|i) (?:can )?see)\s)?"
            r"|(?:this|the) (?:image|picture|photo|animation|(?:animated )?gif|illustration) "
            r"(?:shows|depicts|features|displays|portrays|captures|contains|presents|illustrates"
            r"|is of)\s|(?:i|we) (?:can )?see\s)"
            r"(?=(?:an?|the|two|three|four|several|some|many|one)\s)",
            r"(?:好的?|当然(?:可以)?|没问题|可以的?)[，,。！!：:\s]{1,4}"
            r"(?=以下|下面|这是|这张|根据|我来)",
            r"(?:以下|下面|这)(?:是|为)[^：:，。！？\n“”]{0,24}"
            r"(?:译文|翻译|概括|总结|描述|结果|回答|答案)[^：:，。！？\n“”]{0,8}[：:]\s{0,9}",
            r"根据(?:您|你|以上|上述|图片|提供|描述)[^：:。！？\n“”]{0,30}如下[：:]\s{0,9}",
            r"[#>*_\s]{0,6}(?:(?:图片|表情|中文|英文|最终|简短)?"
            r"(?:描述|译文|翻译(?:结果)?|概括|总结|答案|回答|输出|结果|说明)|中文|英文|答)"
            r"[*_]{0,3}[：:][*_]{0,3}\s{0,9}",
            r"在?(?:这(?:张|幅|个))?(?:图片|图像|照片|图)(?:中|里|上)?"
            r"(?:[，,]\s?|(?:展示|描绘|显示|呈现|表现)(?:了|的是|出)?[：:，,]?|(?<=[中里上])(?:是|有))",
        )
    ),
    re.IGNORECASE,
)
_OFFER = (
    r"(?:\(?(?:please )?(?:let me know|feel free to|don['’]t hesitate)|(?:i )?hope (?:this|that|it)"
    r"\b(?=[^.!?\n]{0,30}\b(?:help|useful|meets|works|what you))|is there anything else"
    r"|(?:would you like|do you want) me to|if you(?:['’]d| would| need| have| want)\b"
    r"(?=[^.!?\n]{0,80}\b(?:let me|ask|help|feel free|adjust|please))"
    r"|希望(?:这|以上|我的|本)?[^。！？\n]{0,12}(?:对[您你]有所?帮助|帮到[您你]|满足[您你])"
    r"|如果?[您你]?(?:还有|有|需要)[^。！？\n]{0,20}(?:请|欢迎|告诉|提问|帮助|问题)"
    r"|如需[^。！？\n]{0,20}|请随时|欢迎(?:继续|随时)|还有(?:什么|其他)(?:可以|需要|问题))"
)
_BACK = re.compile(
    "|".join(
        (
            rf"(?:(?<=[.!?…。！？)）\"”])\s{{0,9}}|\n\s{{0,9}}){_OFFER}[^\n]{{0,200}}\Z",
            r"\s{0,9}[(（\[](?:word count[:：]?\s?\d{1,4}|\d{1,4} (?:words?|characters?)"
            r"|(?:共|约|总计|字数[:：]?)?\s?\d{1,4}\s?个?(?:字|汉字|词))[^()（）\n]{0,10}[)）\]]\Z",
            r"\n\s{0,9}(?:word count|字数)\s?[:：]\s?\d{1,4}[^\n]{0,20}\Z",
            r"\s{0,9}[(（](?:translated|translation|译文|翻译)[^()（）\n]{0,40}[)）]\Z",
            r"(?:\n\s{0,9}[(（]?|\s[(（])[*_]{0,3}(?:note|translation|chinese|english|注意?|说明|备注"
            r"|中文|英文|译文|翻译)[*_]{0,3}\s?[:：][\s\S]{1,350}\Z",
            r"\n\s{0,9}[*_]{0,3}(?:or|alternatively|alternative(?: version| caption)?"
            r"|another option"
            r"|或者?|另一种(?:说法|描述)?)[*_]{0,3}\s?[:：,，][\s\S]{1,350}\Z",
        )
    ),
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?<!\*)\*\*([^*\n]{1,300})\*\*(?!\*)")
_LABELLED = re.compile(r"^\s{0,6}\*\*[^*\n]{1,40}(?:[:：]\s?\*\*|\*\*\s?[:：])", re.MULTILINE)
_ITEM = re.compile(r"^\s{0,6}(?:[-*•·]|\d{1,2}[.)、])\s{1,4}(?=\S)", re.MULTILINE)
_BULLET = re.compile(r"[-*•·]\s{1,4}(?=\S)")
_MARKUP = re.compile(r"```|^#{1,6}\s", re.MULTILINE)

_NTH = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|last|final|next|previous|initial"
    r"|opening|closing|subsequent|following|later|earlier)"
)
_TALK = re.compile(
    # In frame 3; by the last frame; across the frames.
    rf"\b(?:the|this|each|every) {_NTH} (?:(?:few|two|three|four) )?frames?\b"
    r"|\bframes? (?:no\.? ?|#)?\d{1,2}\b(?! ?(?:m|cm|mm|met(?:er|re)s?|feet|inch(?:es)?)\b)"
    r"|\b(?:across|throughout|over|in|between) (?:all |each |these |most )?(?:of )?(?:the )?"
    r"(?:(?:key|video|animation|provided|given) )?frames\b(?! of\b)|\bframe (?:by|to) frame\b"
    r"|第[一二三四五六七八九十两\d]{1,3}(?:帧|幅图|张图)|(?:每|各|前|后|最后|首|末)[一几两三]?帧"
    r"|逐帧|帧(?:与|之间|里|中)"
    # As an AI; I cannot determine.
    r"|\bas an? (?:ai\b|artificial intelligence|(?:large )?language model)"
    r"|\bi(?: am|['’]m) an? (?:ai\b|(?:large )?language model)"
    r"|\bi (?:cannot|can['’]?t|can not|am unable to) "
    r"(?:determine|identify|provide|confirm|verify|assist)\b"
    r"|\b(?:please|could you) provide\b[^.\n]{0,40}"
    r"\b(?:details|context|information|image|picture|text)"
    r"|作为(?:一[个名款位])?\s?(?:ai|人工智能|大?语言模型|智能助手)"
    r"|我(?:无法|不能)(?:判断|确定|提供|识别|确认|协助)"
    # The task.
    r"|\blet['’]s (?:analy[sz]e|break (?:it|this) down|think|look at)\b|\bstep by step\b"
    r"|\bthe final (?:caption|answer|description|translation)\b"
    r"|\bthe (?:caption|description|summary|translation|user|prompt|instructions?) "
    r"(?:would be|should|asks?|asked|wants?|requires?)\b"
    r"|用户(?:要求|希望|想要|让我)|(?:最终|因此|所以)的?(?:答案|描述|译文)[是为：:]"
    # Several to choose from.
    r"|(?:\A|[\n.!?。！？]\s{0,3})[*_]{0,2}"
    r"(?:(?:option|version|caption|alternative)\s?[1-9a-c]\s?[:：.)]"
    r"|(?:选项|版本|方案|描述)[一二三1-9a-c][：:、.])",
    re.IGNORECASE,
)

_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_MOST_TOKENS, _LONGEST_LOOP = 2000, 24
_HAN_LAUGH = 20


def without_chatter(text: str) -> str:
    """The answer alone: prefaces, labels, quotes, marks, closings, notes and counts cut off.

    Nothing where it is a preface alone.
    """
    if len(text) > _LONGEST:
        return text
    whole = text.strip()
    for _ in range(_ROUNDS):
        shorter = _without_back(_without_front(_without_marks(whole)))
        if shorter == whole:
            break
        whole = shorter
    return whole


def find_chatter(text: str) -> list[str]:
    """``chatter`` and ``repetition`` as far as a text, what it quotes left out, has them."""
    plain = QUOTED.sub(" ", text[:_LONGEST])
    found = [CHATTER] if _is_structured(plain) or _TALK.search(plain) else []
    return [*found, REPETITION] if repeats(plain) else found


def repeats(text: str) -> bool:
    """Whether a text goes round in a loop of words, or in Chinese of signs."""
    tokens = [token.casefold() for token in _TOKEN.findall(text)[:_MOST_TOKENS]]
    return any(_loops(tokens, size) for size in range(1, _LONGEST_LOOP + 1))


def _loops(tokens: Sequence[str], size: int) -> bool:
    run = 0
    for at in range(size, len(tokens)):
        run = run + 1 if tokens[at] == tokens[at - size] else 0
        # Laughter is written by any number of signs.
        single = _HAN_LAUGH if tokens[at] >= "\u3400" else 8
        many = {1: single, 2: 5, 3: 4, 4: 4, 5: 4}.get(size, 3)
        # A loop of one is none of two.
        if run >= (many - 1) * size and (size == 1 or len({*tokens[at - size + 1 : at + 1]}) > 1):
            return True
    return False


def _is_structured(text: str) -> bool:
    """Whether it is a list, a form or another document instead of sentences."""
    several = max(len(_ITEM.findall(text)), len(_LABELLED.findall(text)))
    return several >= 2 or _MARKUP.search(text) is not None


def _without_marks(text: str) -> str:
    text = unwrapped(text)
    if len(_LABELLED.findall(text)) < 2:
        text = _BOLD.sub(r"\1", text)
    if "\n" not in text and (bullet := _BULLET.match(text)):
        text = text[bullet.end() :]
    return text


def _without_front(text: str) -> str:
    found = _FRONT.match(text)
    if found is None:
        return text
    rest = text[found.end() :]
    return rest[:1].upper() + rest[1:]


def _without_back(text: str) -> str:
    start = max(0, len(text) - _TAIL)
    found = _BACK.search(text[start:])
    if found is None or start + found.start() == 0:
        return text
    return text[: start + found.start()].rstrip()
