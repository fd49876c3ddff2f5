"""What annotators see: Label Studio's configuration of the three kinds of projects.

Stickers are shown by HyperText, since Label Studio's own image tag freezes GIFs. Tags are a
Taxonomy, the only control with a search box that holds hundreds of them. No control has a digit
as its hotkey: those fire while somebody types a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

OBJECT = "sticker"
FLAG_TITLES = {
    "fine": "Nothing wrong",
    "inappropriate": "Inappropriate (sex, violence, drugs)",
    "offensive": "Offensive (hate, discrimination)",
    "insulting": "Insulting (mocks a person or a group)",
    "personal_data": "Personal data (a private person, a name, a number, a chat)",
}


def labelling_config(tags: Sequence[str], max_tags: int) -> str:
    """The labelling screen: sticker, key frames and hints on the left, questions on the right."""
    right = (
        _tags(tags, max_tags)
        + _domain()
        + _text("caption", "Caption", "What it shows and what it is used to say")
        + _text("ocr", "Text in it", "Correct what was read, or leave empty")
    )
    return _page(_hyper(OBJECT, "html"), right)


def adjudication_config(tags: Sequence[str], max_tags: int) -> str:
    """The lead's screen: the sticker and the votes that disagree, and what is decided."""
    left = _hyper(OBJECT, "html") + _hyper("votes", "votes")
    return _page(left, _tags(tags, max_tags) + _domain())


def screening_config() -> str:
    """The reviewers' screen: anything that must not be published."""
    choices = "".join(
        f"<Choice value={quoteattr(name)} html={quoteattr(title)}/>"
        for name, title in FLAG_TITLES.items()
    )
    flags = (
        '<Header value="Is anything wrong with it?" size="5"/>'
        f'<Choices name="flags" toName="{OBJECT}" choice="multiple" required="true">'
        f"{choices}</Choices>"
    )
    return _page(_hyper(OBJECT, "html"), flags + _text("note", "Note", "What did you see?"))


def _page(left: str, right: str) -> str:
    return (
        '<View style="display:flex;gap:24px;align-items:flex-start">'
        f'<View style="flex:0 0 420px">{left}</View>'
        f'<View style="flex:1 1 auto;min-width:340px">{right}</View></View>'
    )


def _hyper(name: str, field: str) -> str:
    return f'<HyperText name="{name}" value="${field}" inline="true"/>'


def _tags(tags: Sequence[str], max_tags: int) -> str:
    choices = "".join(f"<Choice value={quoteattr(tag)}/>" for tag in tags)
    return (
        f'<Header value="Tags (at most {max_tags})" size="5"/>'
        f'<Taxonomy name="tags" toName="{OBJECT}" leafsOnly="true" showFullPath="false" '
        f'maxUsages="{max_tags}" placeholder="Type to search">{choices}</Taxonomy>'
    )


def _domain() -> str:
    return (
        f'<Choices name="domain" toName="{OBJECT}" choice="single-radio" showInline="true">'
        '<Choice value="cartoon" html="cartoon (drawn)"/>'
        '<Choice value="real" html="real (photographed)"/></Choices>'
    )


def _text(name: str, title: str, hint: str) -> str:
    return (
        f'<Header value={quoteattr(title)} size="5"/>'
        f'<TextArea name="{name}" toName="{OBJECT}" rows="1" maxSubmissions="1" '
        f'editable="true" placeholder={quoteattr(hint)}/>'
    )
