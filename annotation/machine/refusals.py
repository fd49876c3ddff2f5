"""Whether a text is a model that declines, or that says it was shown nothing."""

from __future__ import annotations

import re

_SORRY = (
    r"(?:(?:i['’]?m|i am) (?:(?:really|very|so|truly) )?(?:sorry|afraid)|(?:i|we) apologi[sz]e"
    r"|my apologies|sorry|apologies|unfortunately|regrettably)\b"
)
_CANT = (
    r"(?:can['’]?t|cannot|can not|won['’]?t(?: be able to)?"
    r"|(?:am|['’]?m) (?:unable|not able|not allowed|not comfortable|not going)(?: to)?"
    r"|do(?: not|n['’]?t) (?:have the (?:ability|capability) to|feel comfortable))(?: \w{2,20}ly)?"
)
_SHOWN = r"(?:image|picture|photo|sticker|attachment|file|frame|video|gif|text|description)s?"
# What one is asked to do: "I can't help laughing" and "I can't see you" decline nothing.
_DO = (
    r"(?:help(?!\w| (?:but|\w+ing|my\w*|it|falling)\b)|assist|describ|provid|process|fulfil|comply"
    r"|identify(?:ing)? |engag|discuss|creat|generat|translat|summari[sz]|analy[sz]"
    r"|(?:see|view|access|open|do|answer|continue|complete|interpret|recogni[sz]e|support|read)"
    r" (?:any |an? |the |this |that |these |those |with |your ){0,2}(?:\w{1,20} )?"
    rf"(?:{_SHOWN}|requests?|questions?|tasks?|people|persons?|content|[.!]|\Z)"
    r"|do (?:that|this)|with (?:that|this|your))"
)
_AI = r"an? (?:ai\b|artificial intelligence|(?:large )?language model|virtual assistant)"
_IN_ENGLISH = (
    # I'm sorry, but I can't help with that.
    rf"{_SORRY}[^.!?\n\"”]{{0,60}}?(?:[.!] )?\bi ?{_CANT}(?: {_DO}|[.!]|\Z)",
    # I can't provide that. I'm unable to see the image.
    rf"i ?{_CANT} (?:to )?{_DO}",
    r"i (?:must |(?:will )?have to )?(?:respectfully |politely )?(?:decline|refuse) (?:to|this)",
    rf"i['’]d (?:rather|prefer) not (?:to )?{_DO}",
    rf"(?:{_SORRY}[,.]? (?:but )?)?(?:as|i am|i['’]m)(?: just| only)? {_AI}",
    # There is no image attached. I don't see any sticker.
    rf"(?:{_SORRY}[,.]? (?:but )?)?(?:it (?:seems|looks like|appears)(?: that)? )?"
    r"(?:i (?:do not|don['’]t|cannot|can['’]?t|didn['’]t|am unable to) (?:see|receive|find)"
    r"|there (?:is|was|are|were)(?:n['’]t)?|you (?:have not|haven['’]t|didn['’]t))"
    rf" (?:(?:an?|any|no|the|provide|provided|attach|attached|upload|uploaded) ){{1,3}}{_SHOWN}"
    r"(?: (?:attached|provided|here|included|to|in your|in the (?:message|chat|conversation))"
    r"|[.!,]|\Z)",
    rf"no {_SHOWN} (?:was|were|is|has been|have been) (?:provided|attached|given|uploaded|shared)",
    rf"(?:please|could you(?: please)?) (?:provide|upload|share|attach|send)"
    rf"(?: me)? (?:the|an?|your) (?:\w+ )?{_SHOWN}",
    r"(?:this|the|your) (?:request|content|image|prompt) (?:may |might )?"
    r"(?:violates?|goes against|was (?:blocked|rejected))",
)
_AI_IN_CHINESE = r"(?:ai|人工智能|语言模型|大模型|大型语言|大语言|智能助手)"
_UNABLE = r"(?:无法|不能|没办法|不可以|不便|不会)"
_NOW = r"(?:暂时|目前|现在|还)?"
_ASKED = r"(?:提供|帮|协助|描述|回答|处理|识别|查看|看到|完成|继续|翻译|概括|分析|生成|满足|讨论)"
_IN_CHINESE = (
    # 很抱歉，我无法协助。
    r"我?(?:真的|很|非常|十分|深感)?(?:抱歉|对不起|不好意思|遗憾)[^。！？\n“”\"]{0,30}"
    rf"(?:{_UNABLE}(?:\w{{0,6}}{_ASKED}|[。！]|\Z)|没有?(?:看到|收到|提供))",
    rf"我{_NOW}{_UNABLE}(?:直接|准确)?(?:[为对向]\w{{1,3}})?{_ASKED}",
    rf"作为(?:一(?:个|名|款|位))? ?{_AI_IN_CHINESE}",
    rf"我只?是(?:一(?:个|名|款|位))? ?{_AI_IN_CHINESE}",
    rf"(?:这个|该|您的|你的)?(?:问题|请求|内容)我?{_NOW}{_UNABLE}{_ASKED}",
    r"请您?先?(?:提供|上传|发送)[^。！？\n]{0,10}(?:图片|图像|表情|照片|文件|描述|文字|文本)",
    r"我?(?:没有|并未|未能|未)(?:看到|收到|检测到|提供)[^。！？\n]{0,8}(?:图片|图像|照片|附件)",
    r"(?:您|你)(?:没有|还没有|并未|未)(?:提供|上传|发送)",
    r"根据(?:相关)?(?:法律|政策|规定)",
)
_GREETING = r"[\s*_#>]{0,9}(?:(?:hello|hi|hey|well|您好|你好)[,.!，！。]?\s?)?"
_REFUSAL = re.compile(rf"{_GREETING}(?:{'|'.join((*_IN_ENGLISH, *_IN_CHINESE))})", re.IGNORECASE)


def is_refusal(text: str) -> bool:
    """Whether a text begins like a model that declines, in English or Chinese."""
    return _REFUSAL.match(text) is not None
