"""What annotators see: Label Studio's configuration of the three kinds of projects.

Stickers are shown by HyperText, since Label Studio's own image tag freezes GIFs. Tags are a
Taxonomy, the only control with a search box that holds hundreds of them. Every choice has a letter
with a modifier as its hotkey: left alone it would get a digit, and digits fire as soon as the
search box loses focus.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from annotation.human.studio.question_controls import (
    DOMAIN_KEYS,
    choice,
    header,
    question_controls,
    required,
    text_area,
)
from annotation.human.studio.words import word
from pipeline.engine.errors import StickerworksError
from schemas.questions import Language, QuestionConfig

OBJECT = "sticker"
FLAG_KEYS = {
    "fine": "n",
    "inappropriate": "i",
    "offensive": "o",
    "insulting": "u",
    "personal_data": "p",
}


def labelling_config(
    tags: Sequence[str],
    max_tags: int,
    questions: Sequence[QuestionConfig] = (),
    language: Language = "en",
) -> str:
    """The labelling screen: sticker, key frames and hints on the left, questions on the right.

    Raises StickerworksError for a tag that XML can't hold (control characters, lone surrogates).
    """
    right = (
        _tags(tags, max_tags, language)
        + _domain(language, must=True)
        + question_controls(questions, OBJECT, language, voting=True)
        + _text("caption", language)
        + _text("ocr", language)
    )
    return _page(_shown("html"), right)


def adjudication_config(
    tags: Sequence[str],
    max_tags: int,
    questions: Sequence[QuestionConfig] = (),
    language: Language = "en",
) -> str:
    """The lead's screen: the sticker, the votes that disagree, and what is decided."""
    votes = (
        header(word("votes", language)) + '<HyperText name="votes" value="$votes" inline="true"/>'
    )
    decided = (
        _tags(tags, max_tags, language)
        + _domain(language, must=False)
        + question_controls(questions, OBJECT, language, voting=False)
    )
    return _page(_shown("html"), votes + decided)


def screening_config(language: Language = "en") -> str:
    """The reviewers' screen: anything that must not be published."""
    choices = "".join(
        choice(name, word(name, language), f"alt+{key}") for name, key in FLAG_KEYS.items()
    )
    flags = (
        header(word("flags", language))
        + f'<Choices name="flags" toName="{OBJECT}" choice="multiple"'
        f"{required(word('flags_must', language))}>{choices}</Choices>"
    )
    return _page(_shown("html"), flags + _text("note", language))


# The panels of regions and relations stay empty here and would take a third of the screen.
# No rule may hold ">": the page escapes it. The chequered ground shows white lines on nothing.
_STYLE = """
.lsf-sidepanels__wrapper_align_right { display: none; }
.lsf-sidepanels { padding-right: 0 !important; }
.sw-page { display: flex; gap: 28px; align-items: flex-start; }
.sw-left { flex: 0 0 44%; min-width: 0; max-width: 520px; }
.sw-right { flex: 1 1 0; min-width: 0; max-width: 640px; }
.sw-right h4 { font-size: 14px; line-height: 20px; margin: 10px 0 4px; }
.sw-right .lsf-text-area { margin: 0; }
.sw-right .lsf-choices { margin: 0; }
.sw-right .lsf-choice__item { line-height: 24px; margin-bottom: 6px; }
.sw-right .ant-checkbox-wrapper { margin-right: 12px; }
.sw-right .htx-taxonomy { width: 100%; }
.htx-taxonomy-dropdown .ant-select-tree-switcher-noop { display: none; }
.sw-sticker { display: flex; justify-content: center; align-items: center; overflow: hidden;
  height: 380px; border-radius: 8px; border: 1px solid #ddd; }
.sw-sticker, .sw-frames img { background: repeating-conic-gradient(#d6d6d6 0 25%, #eee 0 50%)
  0 0 / 20px 20px; }
.sw-sticker img, .sw-sticker video { width: 360px; height: 360px; object-fit: contain; }
.sw-frames { display: flex; gap: 6px; margin-top: 8px; }
.sw-frames img { width: 72px; height: 72px; object-fit: contain;
  border: 1px solid #ddd; border-radius: 4px; }
.sw-words { display: flex; flex-wrap: wrap; gap: 4px 6px; margin-top: 8px; max-height: 84px;
  overflow: auto; }
.sw-words span { background: #eee; color: #333; border-radius: 4px; padding: 0 6px;
  font-size: 13px; line-height: 20px; overflow-wrap: anywhere; }
.sw-votes td { padding: 4px 10px; border-bottom: 1px solid #ddd; vertical-align: top;
  font-size: 14px; line-height: 20px; overflow-wrap: anywhere; }
.sw-cover { display: block; cursor: pointer; font-weight: normal; }
.sw-cover .sw-frames { overflow: hidden; }
.sw-cover input { position: absolute; opacity: 0; }
.sw-cover input:focus-visible + .sw-sticker { outline: 2px solid #4c5fa9; }
.sw-cover .sw-words { visibility: hidden; }
.sw-cover input:checked ~ .sw-words { visibility: visible; }
.sw-cover input:checked ~ span img { filter: none !important; }
.sw-cover input:checked ~ span video { filter: none !important; }
.sw-said { margin: 8px 0 0; font-size: 13px; line-height: 20px; }
"""


def _page(left: str, right: str) -> str:
    return (
        f"<View><Style>{escape(_STYLE)}</Style>"
        '<View className="sw-page">'
        f'<View className="sw-left">{left}</View>'
        f'<View className="sw-right">{right}</View></View></View>'
    )


def _shown(field: str) -> str:
    return f'<HyperText name="{OBJECT}" value="${field}" inline="true"/>'


def _tags(tags: Sequence[str], max_tags: int, language: Language) -> str:
    for tag in tags:
        if not tag.strip() or not all(map(_in_xml, tag)):
            raise StickerworksError(
                f"The tag {tag!r} can't be shown: it is blank or holds control characters.",
                "Correct the tag set, then run `stickerworks tags` again.",
            )
    choices = "".join(f"<Choice value={quoteattr(tag)}/>" for tag in tags)
    return (
        header(word("tags", language, max_tags))
        + f'<Taxonomy name="tags" toName="{OBJECT}" leafsOnly="true" showFullPath="false" '
        f'maxUsages="{max_tags}" pathSeparator={quoteattr(_separator(tags))} '
        f"placeholder={quoteattr(word('search', language))}>{choices}</Taxonomy>"
    )


def _separator(tags: Sequence[str]) -> str:
    # The page cuts chosen tags at the separator, " / " when none is named.
    separator = "\u241f"
    while any(separator in tag for tag in tags):
        separator += "\u241f"
    return separator


def _domain(language: Language, *, must: bool) -> str:
    choices = (choice(d, word(d, language), key) for d, key in DOMAIN_KEYS.items())
    return (
        header(word("domain", language))
        + f'<Choices name="domain" toName="{OBJECT}" choice="single-radio" showInline="true"'
        f"{required(word('domain_must', language)) if must else ''}>{''.join(choices)}</Choices>"
    )


def _text(name: str, language: Language) -> str:
    hint = word(f"{name}_hint", language)
    return header(word(name, language)) + text_area(name, OBJECT, hint)


def _in_xml(sign: str) -> bool:
    """Whether XML 1.0 can hold a character at all."""
    code = ord(sign)
    return sign in "\t\n\r" or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF
