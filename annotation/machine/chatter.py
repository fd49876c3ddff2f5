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
_ABOUT = (
    r"(?:description|caption|summar(?:y|i[sz]ed)|translat(?:ion|ed)|answer|response|sentence"
    r"|描述|概括|总结|译文|翻译|回答|答案)"
)
_LABEL = r"(?:translation|summary|caption|description|sentence|answer|response|result|output)"
_FRONT = re.compile(
    "|".join(
        (
            r"(?:assistant|model|助手|ai助手)\s{0,3}(?:[:：]|\n)\s{0,9}",
            # What ends with a colon and is about the answer; a title.
            r"(?![^\n:：\"“]{0,60}\b(?:reads?|says?|said|shouts?|writes?|written|with)\b)"
            rf"[^\n:：\"“.。，！]{{0,60}}{_ABOUT}[^\n:：\"“.。，]{{0,30}}[:：]\s{{0,9}}",
            rf"[^\n:：\"“.。，]{{0,30}}{_ABOUT}[^\n:：\"“.。，]{{0,10}}\n\s{{0,9}}(?=\S)",
            r"[^\n.!！。,:：\"“「]{1,24}[!！]\s{0,3}(?=(?:here|below|this is)\b|以下|下面|这是)",
            r"what (?:we|you|i) (?:can )?see(?: here)? is\s",
            # A first line that announces the next.
            r"[^\n\"“”:：]{1,160}[:：]\s{0,3}\n\s{0,9}(?=\S)",
            r"[\[【][^\[\]【】\n]{1,16}[\]】]\s{0,3}(?=\S)",
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
            rf"(?:{_LABEL}(?: (?:of|in|for|into)\b[^:：\n]{{0,60}}|\s?\([^()\n]{{0,20}}\))?"
            r"|(?:translated|revised|summari[sz]ed) (?:text|version)|english|chinese)"
            r"\s?[*_]{0,3}(?:[:：]|\s[-–—]\s)\s?[*_]{0,3}\s{0,9}",
            r"#{1,6}\s[^\n]{1,60}\n\s{0,9}",
            r"[^:：\n.!?\"“]{0,80}\bas follows[:：]\s{0,9}",
            r">\s{0,3}(?=\S)",
            r"(?:based on|according to|from|judging by) (?:the|this|your) (?:\w{1,12} )?"
            r"(?:image|picture|photo|description|content|text|information)s?"
            r"(?: (?:provided|given|above|you (?:provided|gave|shared|sent)))?[,:]\s{1,3}",
            r"(?:looking at|viewing|examining) (?:the|this) (?:\w{1,12} )?"
            r"(?:image|picture|photo|sticker|animation),\s{1,3}",
            # The image shows a cat.
            r"(?:in (?:this|the) (?:image|picture|photo|animation|gif|illustration),?\s"
            r"(?:(?:there (?:is|are)|(?:we|you|i) (?:can )?see)\s)?"
            r"|(?:this|the) (?:(?:given|provided|attached|above|whole|animated|static) )?"
            r"(?:image|picture|photo|animation|(?:animated )?gif|illustration) "
            r"(?:shows|depicts|features|displays|portrays|captures|contains|presents|illustrates"
            r"|is of)\s|(?:i|we) (?:can )?see\s)"
            r"(?=(?:an?|the|two|three|four|several|some|many|one)\s)",
            r"(?:好的?|当然(?:可以)?|没问题|可以的?)[，,。！!：:\s]{1,4}"
            r"(?=以下|下面|这是|这张|根据|我来)",
            r"(?:以下|下面|这)(?:是|为)[^：:，。！？\n“”]{0,24}"
            r"(?:译文|翻译|概括|总结|描述|结果|回答|答案)[^：:，。！？\n“”]{0,8}[：:]\s{0,9}",
            r"[^：:。！？\n“”]{0,30}如下[：:]\s{0,9}",
            r"(?:(?:下面|现在)?我来|让我来?|以下为)[^：:。！？\n“”]{0,24}[：:]\s{0,9}",
            r"我(?:们)?(?:可以|能)?看[到见](?:了)?(?=一|两|几|有)",
            r"[#>*_\s]{0,6}(?:(?:图片|表情|中文|英文|最终|简短|一句话)?"
            r"(?:描述|译文|翻译(?:结果)?|概括|总结|答案|回答|输出|结果|说明)|中文|英文|答)"
            r"[*_]{0,3}[：:][*_]{0,3}\s{0,9}",
            r"(?:根据|从|由)(?:这[张幅]|该|[您你]?提供的|所给的?)?(?:图片|图像|图|画面|描述|内容)"
            r"(?:内容|中|里|上|来看|可知)?(?:可以|能|可)?(?:看到|看出|得知|知道)?[，,：:]\s{0,3}",
            r"在?(?:(?:这|该|此|本)[张幅个]?)?(?:图片|图像|照片|图)(?:中|里|上)?"
            r"(?:[，,]\s?|(?:展示|描绘|显示|呈现|表现)(?:了|的是|出)?[：:，,]?\s?|(?<=[中里上])(?:是|有))",
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
    r"|如需[^。！？\n]{0,20}|请随时|欢迎(?:继续|随时)|还有(?:什么|其他)(?:可以|需要|问题)"
    r"|(?:以上|这)(?:就|便)?是(?:对|关于|根据)|(?:以上|该|这[段个句])(?:描述|概括|总结|译文|翻译)"
    r"|th(?:is|e) (?:description|caption|summary|sentence|translation)\s(?:also\s)?"
    r"(?:captures|summari[sz]es|conveys|highlights|provides|includes|reflects|describes|covers"
    r"|combines|keeps|maintains|preserves|focuses))"
)
_BACK = re.compile(
    "|".join(
        (
            rf"(?:(?<=[.!?…。！？)）\"”])\s{{0,9}}|\n\s{{0,9}}){_OFFER}[^\n]{{0,200}}\Z",
            r"\s{0,9}[(（\[](?:word count[:：]?\s?\d{1,4}|\d{1,4} (?:words?|characters?)"
            r"|(?:共|约|总计|字数[:：]?)?\s?\d{1,4}\s?个?(?:字|汉字|词))[^()（）\n]{0,10}[)）\]]\Z",
            r"\n\s{0,9}[*_(（]{0,3}(?:word count|字数)\s?[:：]\s?\d{1,4}[^\n]{0,20}\Z",
            r"\n\s{0,9}(?:-{3,9}|\*{3,9}|_{3,9})\Z",
            r"\s{0,9}[(（](?:translated|translation|译文|翻译)[^()（）\n]{0,40}[)）]\Z",
            r"\s{0,9}[(（][^()（）\n]{0,40}(?:tokens|features|特征)[^()（）\n]{0,20}[)）]\Z",
            # A last line with a label of its own, as notes and other languages have.
            r"\n\s{0,9}[*_(（【\[]{0,3}[^\n:：.。,，\"“”]{1,24}[:：】\]][\s\S]{1,350}\Z",
            r"\s?【(?:注|说明|备注)】?[\s\S]{1,350}\Z",
            r"\n\s{0,3}\n\s{0,9}[(（\[][^()（）\[\]\n]{1,120}[)）\]]\Z",
            r"\n\s{0,3}\n[^\n]{1,60}[?？]\Z",
            rf"\s?[\[(（【][^\[\]()（）【】\n]{{0,30}}{_ABOUT}[^\[\]()（）【】\n]{{0,30}}[\])）】]\Z",
            r"\s?[(（][^()（）\n]{0,30}\d{1,4}\s?(?:words?|tokens?|characters?|个?字|个?词)"
            r"[^()（）\n]{0,20}[)）]\Z",
            r"\n\s{0,9}(?:thank you|thanks|enjoy|cheers|have a (?:nice|great))\b[^\n]{0,40}\Z",
            r"(?:\n\s{0,9}[(（]?|\s?[(（])[*_]{0,3}(?:note|translation|chinese|english|注意?|说明|备注"
            r"|中文|英文|译文|翻译)[*_]{0,3}\s?[:：][\s\S]{1,350}\Z",
            r"\n\s{0,9}[*_]{0,3}(?:or|alternatively|alternative(?: version| caption)?"
            r"|another option"
            r"|或者?|另一种(?:说法|描述)?)[*_]{0,3}\s?[:：,，][\s\S]{1,350}\Z",
        )
    ),
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?<!\*)\*\*([^*\n]{1,300})\*\*(?!\*)")
_ITALIC = re.compile(r"([*_])([^*_\n]{2,2000})\1")
_LABELLED = re.compile(r"^\s{0,6}\*\*[^*\n]{1,40}(?:[:：]\s?\*\*|\*\*\s?[:：])", re.MULTILINE)
_ITEM = re.compile(r"^\s{0,6}(?:[-*•·]|\d{1,2}[.)、])\s{1,4}(?=\S)", re.MULTILINE)
_FORM = re.compile(
    rf"(?!\n?\s{{0,3}}(?:{_ABOUT}|note|chinese|english|or\b|alternative|注|说明|备注|中文|英文|或))"
    r"(?:\A|[;.\n；。]\s{0,3})(?:[A-Za-z]{2,20}(?: [A-Za-z]{2,20})?|[\u4e00-\u9fff]{2,6})\s?[:：]"
)
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
    r"|逐帧|帧(?:与|之间|里|中)|\d\s?帧|\b\d{1,2}\.\d{1,2} ?s(?:ec(?:ond)?s?)?\b|\d\.\d{1,2} ?秒"
    r"|\b(?:\d{1,2}|all|several|multiple) frames\b(?! of\b)"
    r"|\b(?:the )?(?:sequence|series|set) of (?:images|pictures|frames|photos)\b"
    rf"|\b(?:the|this|each) {_NTH} (?:image|picture) (?:shows?|depicts?|has|is|features?)\b"
    # As an AI; I cannot determine.
    r"|\bas an? (?:ai\b|artificial intelligence|(?:large )?language model)"
    r"|\bi(?: am|['’]m) an? (?:ai\b|(?:large )?language model)"
    r"|\bi (?:cannot|can['’]?t|can not|am unable to) "
    r"(?:determine|identify|provide|confirm|verify|assist)\b"
    r"|\b(?:please|could you) provide\b[^.\n]{0,40}"
    r"\b(?:details|context|information|image|picture|text)"
    r"|\b(?:difficult|hard|impossible|not possible) to (?:determine|tell|say|identify)\b"
    r"[^.\n]{0,60}\b(?:without|exact|context)\b"
    r"|\bwithout (?:additional|more|further|any) (?:context|information)\b"
    r"|(?:缺少|缺乏|没有|更多)的?上下文|无法(?:确定|判断|得知)[它其他她]的?具体"
    r"|\b(?:an?|just an?|only an?) (?:large |ai )?language model\b|语言模型"
    r"|作为(?:一[个名款位])?\s?(?:ai|人工智能|大?语言模型|智能助手)"
    r"|我(?:无法|不能)(?:判断|确定|提供|识别|确认|协助)"
    r"|\b(?:image|picture|photo)s? \d{1,2}\b|图\s?\d"
    # The task.
    r"|\bthe (?:prompt|user|instructions?|task) (?:\w{1,10} ?['’]?t? ){0,2}"
    r"(?:say|specify|ask|mention)"
    r"|(?:题目|任务|提示词|指令)(?:中?没有|要求)"
    r"|\blet['’]s (?:analy[sz]e|break (?:it|this) down|think|look at)\b|\bstep by step\b"
    r"|\bthe final (?:caption|answer|description|translation)\b"
    r"|\bthe (?:caption|description|summary|translation|user|prompt|instructions?) "
    r"(?:would be|should|asks?|asked|wants?|requires?)\b"
    r"|用户(?:要求|希望|想要|让我)|(?:最终|因此|所以)的?(?:答案|描述|译文)[是为：:]"
    r"|\b(?:static|dynamic) (?:features?|elements?|aspects?)\s?[:：]"
    r"|[静动]态(?:特征|方面|元素)?[：:]"
    # Several to choose from.
    r"|(?:\A|[\n.!?。！？]\s{0,3})[*_]{0,2}"
    r"(?:(?:option|version|caption|alternative)\s?[1-9a-c]\s?[:：.)]"
    r"|(?:选项|版本|方案|描述)[一二三1-9a-c][：:、.])",
    re.IGNORECASE,
)

_ONESELF = re.compile(
    r"\b(?-i:I)(?:['’](?:m|d|ll|ve))? (?:\w{1,12} )?(?:see|am|will|would|can|cannot|think"
    r"|believe|need|have|describe|notice|assume)\b|\b(?:we|let me|let us) (?:\w{1,12} )?"
    r"(?:can|need|see|should|must|will|know|describe|summari[sz]e|consider)\b"
    r"|(?:\A|[.!?。！？]\s?)(?:(?:sorry|apologies) for\b|(?:很|非常)?抱歉)"
    r"|(?:\A|[，。！？\n,.]\s?)(?:首先|接下来|现在)?[，,]?(?:让我们?|我们?)"
    r"(?:需要|可以|来|先|看到|认为|将|会|无法|不能)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_MOST_TOKENS, _LONGEST_LOOP = 2000, 24
_HAN_LAUGH = 20


def without_chatter(text: str) -> str:
    """The answer alone: prefaces, labels, quotes, marks, closings, notes and counts cut off.

    Nothing where it is a preface alone.
    """
    whole = text.strip()
    # Of a list or a form no part is the answer: it is flagged as it is.
    if len(text) > _LONGEST or _is_structured(QUOTED.sub(" ", whole)):
        return whole
    for _ in range(_ROUNDS):
        shorter = _without_back(_without_front(_without_marks(whole)))
        if shorter == whole:
            break
        whole = shorter
    return whole


def find_chatter(text: str, *, speech: bool = False) -> list[str]:
    """``chatter`` and ``repetition`` as far as a text, what it quotes left out, has them.

    Where it isn't about what somebody says (``speech``), nobody speaks in it for themselves.
    """
    plain = QUOTED.sub(" ", text[:_LONGEST])
    talks = _TALK.search(plain) or (not speech and _ONESELF.search(plain))
    found = [CHATTER] if _is_structured(plain) or _is_marked_up(plain) or talks else []
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
        many = {1: single, 2: 5, 3: 4, 4: 4, 5: 4, 6: 3, 7: 3}.get(size, 2.6)
        # A loop of one is none of two.
        if run >= (many - 1) * size and (size == 1 or len({*tokens[at - size + 1 : at + 1]}) > 1):
            return True
    return False


def _is_structured(text: str) -> bool:
    """Whether it is a list or a form instead of sentences."""
    return max(len(pattern.findall(text)) for pattern in (_ITEM, _LABELLED, _FORM)) >= 2


def _is_marked_up(text: str) -> bool:
    return _MARKUP.search(text) is not None


def _without_marks(text: str) -> str:
    text = unwrapped(text)
    if len(_LABELLED.findall(text)) < 2:
        text = _BOLD.sub(r"\1", text)
    if whole := _ITALIC.fullmatch(text):
        text = whole[2]
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
    kept = text[: start + found.start()].rstrip() if found else ""
    # What is quoted is no chatter, and a cut within it would leave half of it.
    return kept if kept and _is_closed(kept) else text


def _is_closed(text: str) -> bool:
    counts = [text.count(sign) for sign in "“”「」『』()（）"]
    pairs = zip(counts[::2], counts[1::2], strict=True)
    return text.count('"') % 2 == 0 and all(opened <= closed for opened, closed in pairs)
