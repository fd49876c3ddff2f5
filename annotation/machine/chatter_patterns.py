"""What models say before and behind an answer, and instead of one, in English and Chinese."""

from __future__ import annotations

import re

_THING = (
    r"(?:translation|summary|caption|description|sentence|answer|version|response|result|output"
    r"|sticker|text|rewrite)s?"
)
_ABOUT = (
    r"(?:\b(?:description|caption|summar(?:y|i[sz]ed)|translat(?:ion|ed)|answer|response|sentence)s?\b"
    r"|描述|概括|总结|译文|翻译|回答|答案)"
)
_LABEL = r"(?:translation|summary|caption|description|sentence|answer|response|result|output)"
# What a field is about, where a model names it first: "The intention of the sender is: ...".
_ASPECT = (
    r"(?:(?:the |this |its )?(?:(?:main|likely|probable|possible|intended|overall) )?"
    r"(?:(?:intention|intent|meaning|purpose|emotion|style)s?"
    r"|(?:message|mood|feeling|sentiment|action|content|role)s?(?= of\b| behind\b))"
    r"(?: (?:of|behind|conveyed|expressed)\b[^:：\n.!?\"“]{0,40})?[:：]\s{1,3}(?=(?-i:[A-Z]))"
    r"|(?:这[个张]|该|此)?(?:表情包?|贴纸|图片?|动图)?的?"
    r"(?:发送者|发送人|发图者|用户|使用者|作者)?(?:想要?表达)?的?(?:主要|真实|可能)?的?"
    r"(?:意图|含义|意思|目的|用意|寓意|情绪|情感|风格)(?:可能|应该|大概)?(?:是|为|在于)?[：:]\s{0,3})"
)
_PRAISED = r"(?:question|choice|image|picture|photo|sticker|gif|request)"
FRONT = re.compile(
    "|".join(
        (
            r"(?:assistant|model|助手|ai助手)\s{0,3}(?:[:：]|\n)\s{0,9}",
            # What ends with a colon and is about the answer; a title.
            r"(?![^\n:：]{0,60}\bof the (?!image|picture|sticker|animation|gif|photo|text|scene))"
            r"(?![^\n:：\"“]{0,60}\b(?:reads?|says?|said|shouts?|writes?|written|with)\b)"
            rf"[^\n:：\"“.。，！]{{0,60}}{_ABOUT}[^\n:：\"“.。，]{{0,30}}[:：]\s{{0,9}}",
            rf"[^\n:：\"“.。，]{{0,30}}{_ABOUT}[^\n:：\"“.。，]{{0,10}}\n\s{{0,9}}(?=\S)",
            r"[^\n.!！。,:：\"“「]{1,24}[!！]\s{0,3}(?=(?:here|below|this is)\b|以下|下面|这是)",
            r"what (?:we|you|i) (?:can )?see(?: here)? is\s",
            _ASPECT,
            r"(?:(?:what an?|that['’]s an?|this is an?) )?(?:\w{1,12} )?"
            rf"(?:great|good|excellent|nice|interesting|lovely|cute) {_PRAISED}[!.]\s{{1,3}}(?=\S)",
            r"(?:这是一?[个张])?(?:很|非常|真)?(?:好|有趣|不错|可爱)的?"
            r"(?:问题|图片|表情包?|贴纸|提问)[！!。]\s{0,3}(?=\S)",
            r"(?:sure|certainly|absolutely|of course|okay|ok|alright|no problem|got it|understood"
            r"|yes)[!,.]\s{1,3}(?=(?-i:An?|The|This|In|Here)\b"
            r"|(?:the|this) (?:user|sender|person|sticker|image|picture|animation|gif)\b)",
            r"(?:(?:sure|certainly|of course|yes|okay|absolutely)[!,.] )?"
            r"i(?:['’](?:d|ll)| would| can| will) (?:be (?:happy|glad) to )?"
            r"(?:(?:help|assist)(?: you)? with (?:that|this|the)"
            r"|(?:describe|translate|summari[sz]e) (?:the|this|it|that|your))\b"
            r"[^.!:\n]{0,60}[.!:]\s{1,9}",
            r"(?:as (?:you )?(?:requested|instructed)|(?:as )?per your (?:request|instructions?)"
            r"|as (?:you|we) can see)[,:]\s{1,3}",
            r"(?:按照|根据)[您你]的(?:要求|需求|指示)[，,：:]\s{0,3}",
            r"here(?:['’]s| is) what [^:\n.!?\"“]{1,40}[:：]\s{1,9}",
            r"(?:so|now|well|hmm{0,5}|alright|okay|ok|right)[,!.]\s{1,3}(?=so,|(?:in (?:this|the)"
            r"|here(?:['’]s| is)|this is|based on|looking at|from (?:this|the))\s)",
            r"(?:嗯{1,5}|那么?|哦|呃)[，,]\s?(?=这|图|画面|以下|下面)",
            r"在?(?:这|该|此|本)[张幅个](?:动图|动画|gif)(?:中|里|上)?[，,]\s?",
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
            r"(?:in (?:this|the) (?:\w{1,12} )?(?:image|picture|photo|animation|gif|illustration"
            r"|sticker),?\s"
            r"(?:(?:there (?:is|are)|(?:we|you|i) (?:can )?see)\s)?"
            r"|(?:this|the) (?:(?:given|provided|attached|above|whole|animated|static) )?"
            r"(?:image|picture|photo|animation|video|(?:animated )?gif|illustration) "
            r"(?:shows|depicts|features|displays|portrays|captures|contains|presents|illustrates"
            r"|is of)\s|(?:i|we) (?:can )?see\s)"
            r"(?=(?:an?|the|two|three|four|several|some|many|one)\s)",
            r"(?:this|it|here) is an? (?:\w{1,12} ){0,2}(?:image|picture|photo|illustration|gif) "
            r"(?:of|showing|depicting|that shows|which shows)\s(?=(?:an?|the|two|three)\s)",
            r"(?:好的?|当然(?:可以)?|没问题|可以的?|没错|明白了?|收到|了解)[，,。！!：:\s]{1,4}"
            r"(?=以下|下面|这[是张个幅只位]|该|根据|我来|发送|用户|表[达示]|图[片中里]|画面"
            r"|一[只位名条群张幅])",
            r"这是一[张个幅][^，。\n]{0,8}(?:图片?|表情包?|贴纸|动图)[，,]"
            r"(?:展示|描绘|显示|呈现|表现|画)(?:了|的是|着)?",
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
    r"|(?:happy|glad) to (?:adjust|refine|revise|shorten|help|provide)"
    r"|(?:would you like|do you want|shall i|should i|want me to)\b(?=[^.!\n]{0,60}"
    r"\b(?:another|version|caption|description|translation|shorter|longer|detail))"
    r"|i can (?:also )?(?:provide|offer|write|adjust|revise|shorten|translate)\b"
    r"|(?:i(?:['’]ve| have) )(?:kept|tried|made|avoided|followed|included)\b"
    r"|(?:please )?note(?: that\b|\s?[:：])|disclaimer[:：]|请?注意[：:]|备注[：:]"
    r"|(?:是否)?需要我?(?:调整|修改|补充|更多|其他)"
    r"|如果?[您你]?(?:还有|有|需要|想要?|希望|觉得)[^。！？\n]{0,20}(?:请|欢迎|告诉|提问|帮助|问题)"
    r"|如需[^。！？\n]{0,20}|请随时|欢迎(?:继续|随时)|还有(?:什么|其他)(?:可以|需要|问题)"
    r"|(?:以上|这)(?:就|便)?是(?:对|关于|根据)|以上(?:就|便|即)?[是为]"
    r"|不知道(?:这样|这个?|是否|[您你])|[您你](?:觉得|看)(?:这样|怎么样|可以)"
    r"|这样(?:写|描述)?(?:可以|行)[吗么]|(?:以上|该|这[段个句])(?:描述|概括|总结|译文|翻译)"
    r"|th(?:is|e) (?:description|caption|summary|sentence|translation)\s(?:also\s)?"
    r"(?:captures|summari[sz]es|conveys|highlights|provides|includes|reflects|describes|covers"
    r"|combines|keeps|maintains|preserves|focuses))"
)
BACK = re.compile(
    "|".join(
        (
            rf"(?:(?<=[.!?…。！？)）\"”])\s{{0,9}}|\n\s{{0,9}}){_OFFER}[^\n]{{0,200}}\Z",
            r"\s{0,9}[(（\[](?:word count[:：]?\s?\d{1,4}|\d{1,4} (?:words?|characters?)"
            r"|(?:共|约|总计|字数[:：]?)?\s?\d{1,4}\s?个?(?:字|汉字|词))[^()（）\n]{0,10}[)）\]]\Z",
            r"\n\s{0,9}[*_(（]{0,3}(?:word count|字数)\s?[:：]\s?\d{1,4}[^\n]{0,20}\Z",
            r"(?:(?<=[.!?])|\n)\s{0,9}(?:this|the) (?:sentence|caption|description|summary) "
            r"(?:has|is|contains) \d{1,3} (?:words?|characters?)[^\n]{0,20}\Z",
            r"\s?[(（\[]?(?:confidence|certainty|置信度)(?: level| score)?\s?[:：][^\n]{1,20}\Z",
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
BOLD = re.compile(r"(?<!\*)\*\*([^*\n]{1,300})\*\*(?!\*)")
ITALIC = re.compile(r"([*_])([^*_\n]{2,2000})\1")
LABELLED = re.compile(r"^\s{0,6}\*\*[^*\n]{1,40}(?:[:：]\s?\*\*|\*\*\s?[:：])", re.MULTILINE)
ITEM = re.compile(r"^\s{0,6}(?:[-*•·]|\d{1,2}[.)、])\s{1,4}(?=\S)", re.MULTILINE)
FORM = re.compile(
    rf"(?!\n?\s{{0,3}}(?:{_ABOUT}|note|chinese|english|or\b|alternative|注|说明|备注|中文|英文|或))"
    r"(?:\A|[;.\n；。]\s{0,3})(?:[A-Za-z]{2,20}(?: [A-Za-z]{2,20})?|[\u4e00-\u9fff]{2,6})\s?[:：]"
)
INLINE = re.compile(
    r"(?:\A|(?<=[\s。；;.!?,，]))[(（]?(?:[1-9]|[一二三四五六])[)）]\s{0,2}(?=\S)", re.MULTILINE
)
BULLET = re.compile(r"[-*•·]\s{1,4}(?=\S)")
MARKUP = re.compile(r"```|^#{1,6}\s|\A\s{0,3}\{", re.MULTILINE)

_NTH = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|last|final|next|previous|initial"
    r"|opening|closing|subsequent|following|later|earlier)"
)
TALK = re.compile(
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
    r"|\blet['’]s (?:analy[sz]e|break (?:it|this) down|think|look at)\b"
    r"|\b(?:think|reason|analy[sz]e|go)\b[^.\n]{0,30}\bstep by step\b"
    r"|\bthe final (?:caption|answer|description|translation)\b"
    r"|\bthe (?:caption|description|summary|translation|user|prompt|instructions?) "
    r"(?:would be|should|asks?|asked|wants?|requires?)\b"
    r"|用户(?:要求|希望|想要|让我)|(?:最终|因此|所以)的?(?:答案|描述|译文)[是为：:]"
    r"|\b(?:static|dynamic) (?:features?|elements?|aspects?)\s?[:：]"
    r"|[静动]态(?:特征|方面|元素)?[：:]"
    # How long it was to be, who speaks, several to choose from.
    r"|\b(?:under|within|over|about|exactly) \d{1,3} (?:words|characters)\b"
    r"|\d{1,3}个?字(?:以内|左右)"
    r"|(?:\A|\s)q\s?[:：][^\n]{1,80}\sa\s?[:：]|(?:\A|[\s。.])(?:user|assistant|用户|助手)\s?[:：]"
    r"|\b(?:possible|suggested|alternative|some) (?:captions?|titles?|descriptions?|versions?)\b"
    r"|(?:可选|备选|推荐|建议|候选)的?(?:标题|描述|文案|说法|配文)"
    r"|\b(?:image|photo) (?-i:[A-D])\b"
    r"|(?:本人|我|作为|是)[^，。\n]{0,4}(?:ai|人工智能|智能)(?:助手|模型|助理)"
    r"|(?:受限于|由于)[^，。\n]{0,6}(?:清晰度|分辨率|画质)|(?:细节|图片?|画面)看不太?清"
    # Its own reading of it, or the picture as a file that somebody sent.
    r"|\bplease note\b|\bmy (?:own |personal |best )?(?:interpretation|guess|assumption)\b"
    r"|\b(?:interpretations?|meanings?) (?:\w{1,12} ){0,4}(?:may|can|might|could) (?:vary|differ)\b"
    r"|仅供参考|因人而异|纯属(?:猜测|推测)"
    r"|\bi (?:think|believe|guess|assume|suppose|interpret|would say)\b[^.\n]{0,20}"
    r"\b(?:sender|user|sticker|image|picture)\b"
    r"|我(?:认为|觉得|猜测?|推测|理解)[^，。\n]{0,6}(?:发送者|用户|使用者|发图|表情|图片|该图|这[张个])"
    r"|\b(?:provided|given|attached|uploaded) (?:image|picture|photo|frame|sticker)s?\b"
    r"|(?:提供|给出|上传)的(?:图片|图像|画面|帧|描述)"
    r"|\b(?:image|picture|photo) (?:quality |resolution )?is (?:too |very |quite )?(?:low|blurry)\b"
    r"|(?:图片|图像|分辨率|清晰度)[^，。\n]{0,8}(?:较低|不清|模糊)"
    r"|\b(?:analysis|reasoning|thought process|explanation)\s?[:：]|(?:分析|推理|思考过程?)[：:]"
    r"|\b(?:as (?:you )?(?:requested|instructed)|per your (?:request|instructions?))\b"
    r"|按照?[您你]的(?:要求|需求|指示)"
    # Frames laid side by side.
    r"|\b(?:collage|grid|montage|set|strip) (?:of|with|containing|showing) (?:\w{1,10} )?"
    r"(?:two|three|four|five|six|eight|nine|\d{1,2}|several|multiple|different) (?:\w{1,12} )?"
    r"(?:frames|images|pictures|screenshots)\b"
    r"|由[两三四五六八九\d]{1,2}[张个幅](?:小|不同的?)?(?:图片?|画面|照片|帧)"
    r"(?:拼接|组成|拼成|组合|构成)|每[张幅]小图"
    # Several to choose from; what goes below a post.
    r"|(?:here(?:['’]s| is)|以下是|下面是)[^.:：。\n]{0,40}"
    r"(?:version|alternative|option|rewrite|版本|说法|改写)s?\s?[:：]"
    r"|(?:(?:\A|\s)#[^\W\d]\w{1,30}){2}"
    r"|(?:\A|[\n.!?。！？]\s{0,3})[*_]{0,2}"
    r"(?:(?:option|version|caption|alternative)\s?[1-9a-c]\s?[:：.)]"
    r"|(?:选项|版本|方案|描述)[一二三1-9a-c][：:、.])",
    re.IGNORECASE,
)

ONESELF = re.compile(
    r"\b(?-i:I)(?:['’](?:m|d|ll|ve))? (?:\w{1,12} )?(?:see|am|will|would|can|cannot|think"
    r"|believe|need|have|describe|notice|assume)\b|\b(?:we|let me|let us) (?:\w{1,12} )?"
    r"(?:can|need|see|should|must|will|know|describe|summari[sz]e|consider)\b"
    r"|(?:\A|[.!?。！？]\s?)(?:(?:sorry|apologies) for\b|(?:很|非常)?抱歉)"
    r"|(?:\A|[，。！？\n,.]\s?)(?:首先|接下来|现在)?[，,]?(?:让我们?|我们?)"
    r"(?:需要|可以|来|先|看到|认为|将|会|无法|不能)",
    re.IGNORECASE,
)


def preface_of(text: str) -> re.Match[str] | None:
    """What stands before the answer; nothing is looked for behind the beginning."""
    return FRONT.match(text)
