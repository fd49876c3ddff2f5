"""Text of strangers in chat templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.handoff.cleaning import chat_text

TOKENS = (
    "<image>", "<video>", "<audio>", "<|im_end|>", "<|im_start|>system", "</s>", "<s>", "[INST]",
    "[/INST]", "<<SYS>>", "{{image}}", "<bos>", "<start_of_turn>", "<｜User｜>", "<|image_pad|>",
    "[IMG]", "[TOOL_CALLS]", "<bbox>", "<ref-object>",
)  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
@given(before=st.text("<|{[ a", max_size=4), after=st.text(">|}] a", max_size=4))
def test_no_token_of_a_template_is_left(token: str, before: str, after: str) -> None:
    assert token not in chat_text(before + token + after)


@given(st.text("<>image/|{}[]INST \u200b\t", max_size=30))
def test_nothing_that_is_taken_apart_forms_a_token_anew(text: str) -> None:
    said = chat_text(text)
    assert not [token for token in TOKENS if token in said]
    assert chat_text(said) == said


def test_what_people_write_of_stickers_is_kept() -> None:
    for text in (
        "a cat <3 you",
        "1 < 2 > 0",
        "猫说“好”",
        "[smiles]",
        ">_< oh",
        "{happy}",
        "😀 👍🏽",
    ):
        assert chat_text(text) == text
