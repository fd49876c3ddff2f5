"""Models that decline, and texts that only sound like it."""

from __future__ import annotations

import time

import pytest

from annotation.machine.refusals import is_refusal

REFUSALS = """\
I'm sorry, but I can't assist with that request.
I'm sorry, I can't help with that.
I’m sorry, but I’m not able to help with identifying people in images.
I am unable to see the image.
I'm unable to view images directly.
Sorry, I can't do that.
I apologize, but I cannot describe this image.
I apologize, but I do not feel comfortable describing this.
I cannot fulfill this request.
I can't help you with that.
I can’t engage with this content.
I must respectfully decline to describe this image.
As an AI language model, I cannot see images.
I'm just an AI, I can't see.
I am a large language model.
I don't see any image attached to your message.
There is no image provided.
It seems that there is no image attached.
No image was provided.
Please provide the image you'd like me to describe.
Unfortunately, I cannot provide a description.
Unfortunately, I am not able to process this image.
I won't be able to help with that.
This content may violate our policies.
**I'm sorry, but I can't assist with that.**
I'm sorry, but I can't.
I do not have the ability to view images.
抱歉，我无法回答这个问题。
很抱歉，我无法协助满足该请求。
对不起，我不能描述这张图片。
我很抱歉，但我无法提供帮助。
非常抱歉，作为一个人工智能语言模型，我无法查看图片。
作为一个AI语言模型，我无法看到图片。
您好，我无法为您提供相关信息。
您好！很抱歉，我暂时无法回答这个问题。
这个问题我无法回答。
我暂时无法回答这个问题
请提供需要描述的图片。
我没有看到任何图片。
您没有提供图片，请上传。
我只是一个AI助手
根据相关法律法规，无法显示。
不好意思，这张图我没办法描述。
The request was rejected."""
OTHERS = """\
A cat that cannot help laughing
A cartoon cat says "I'm sorry, I can't".
"I'm sorry, I can't" says a crying cat.
I can't help laughing at this cat.
I can't help but smile.
I can't help it, I love you.
I'm sorry, I can't come to your party tonight.
I can't see you but I miss you
A sorry-looking dog bows.
Sorry dog bows its head, as it cannot reach the ball.
No one is in the picture.
No text is shown; the cat waves.
There is no text on the sticker.
There are no people in the picture; only a cat.
The image shows a cat.
Please hug me, says the bear.
Please send help: a drowning cat waves.
一只小猫很抱歉地低着头，双手合十。
抱歉的小狗低头鞠躬。
对不起，我不能没有你——一只哭泣的熊。
我不能没有你
请给我一个拥抱
没有文字的卡通猫
作为一只猫，它很懒。
无法抑制笑容的小猫
As a cat waves, its tail swings.
I am a cat
Unfortunately for the cat, the mouse cannot be caught."""


@pytest.mark.parametrize("text", REFUSALS.splitlines())
def test_models_that_decline_are_recognised(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", OTHERS.splitlines())
def test_stickers_that_speak_of_refusing_are_none(text: str) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "unit", [" ", "sorry ", "i'm sorry ", "i can't ", "抱歉", "我无法", "请", "*"]
)
def test_hostile_texts_take_no_longer_than_long_ones(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    is_refusal(text)
    assert time.process_time() - began < 1
