"""Questions as controls of Label Studio's screens, each answer with a hotkey of its own.

A choice without a hotkey would get a digit, and digits fire as soon as a search box loses focus.
So where answers are many, or no letter is left, they are a list that is searched, which has none.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from annotation.human.studio.words import word
from pipeline.engine.text import one_line
from schemas.questions import Language, QuestionConfig, say

_HINT = "margin: 0 0 4px; font-weight: 400; font-size: 13px; opacity: 0.75"
_MOST_CHOICES = 12
# Not those that Label Studio itself (a d h l m r) or the menus of browsers (d e f) listen to.
_LETTERS = "bgijknoqstuvwxyz"
_NOT_IN_XML = {0xFFFE: None, 0xFFFF: None}
DOMAIN_KEYS = {"cartoon": "alt+c", "real": "alt+p"}


def question_controls(
    questions: Sequence[QuestionConfig], subject: str, language: Language, *, voting: bool
) -> str:
    """The questions' titles and controls; who decides after votes has to answer none.

    ``subject`` names the object that is asked about.
    """
    keys = answer_keys(questions)
    return "".join(_question(q, keys[q.name], subject, language, voting) for q in questions)


def answer_keys(questions: Sequence[QuestionConfig]) -> dict[str, dict[str, str] | None]:
    """The hotkey of each value of each question; None for what is no choice: a text, or a list."""
    left = [f"{keys}+{letter}" for keys in ("alt", "shift+alt") for letter in _LETTERS]
    assigned: dict[str, dict[str, str] | None] = {}
    for question in questions:
        chosen = question.kind != "text" and len(question.values) <= min(_MOST_CHOICES, len(left))
        assigned[question.name] = dict(_assigned(question, left)) if chosen else None
    return assigned


def titles(question: QuestionConfig, language: Language) -> dict[str, str]:
    """Each answer's words on the screen, by its value; those of a scale say what its ends mean."""
    if question.kind == "scale":
        points = {value: value for value in question.values}
        for value, meaning in (
            (question.values[0], question.low),
            (question.values[-1], question.high),
        ):
            said = say(meaning, language)
            points[value] = f"{value} · {said}" if said else value
        return points
    return {option.value: say(option.title, language, option.value) for option in question.options}


def shown(text: str) -> str:
    """A line of the lead's words that is shown as it is: "$" would begin the name of a field."""
    return one_line(text, 300).replace("$", "$\u2060").translate(_NOT_IN_XML)


def header(text: str) -> str:
    """A title over a control."""
    return f'<Header value={quoteattr(text)} size="5"/>'


def choice(value: str, title: str, key: str) -> str:
    """One answer to be chosen by a click or by its key."""
    return (
        f"<Choice value={quoteattr(value)} html={quoteattr(html.escape(shown(title)))} "
        f"hotkey={quoteattr(key)}/>"
    )


def text_area(name: str, subject: str, hint: str, must: str = "") -> str:
    """A line of text that grows."""
    return (
        f'<TextArea name="{name}" toName="{subject}" rows="1" maxSubmissions="1" '
        f'editable="true" transcription="true" placeholder={quoteattr(hint)}{must}/>'
    )


def required(message: str) -> str:
    """What makes a control one that must be answered."""
    return f' required="true" requiredMessage={quoteattr(message)}'


def _question(
    question: QuestionConfig,
    keys: Mapping[str, str] | None,
    subject: str,
    language: Language,
    voting: bool,
) -> str:
    title = shown(say(question.title, language, question.name))
    must = required(word("question_must", language, title)) if voting and question.required else ""
    notes = ["several"] if question.kind == "several" else []
    notes += ["optional"] if voting and not question.required else []
    said = word("_".join(notes), language, title) if notes else title
    hint = shown(say(question.hint, language))
    if question.kind == "text":
        return header(said) + text_area(question.name, subject, hint, must)
    beside = f'<Header value={quoteattr(hint)} size="6" style="{_HINT}"/>' if hint else ""
    named = titles(question, language)
    if keys is None:
        return header(said) + beside + _list(question, named, subject, language, must)
    kind = "multiple" if question.kind == "several" else "single-radio"
    chosen = "".join(choice(value, title, keys[value]) for value, title in named.items())
    return (
        header(said)
        + beside
        + f'<Choices name="{question.name}" toName="{subject}" choice="{kind}" '
        + f'showInline="true"{must}>{chosen}</Choices>'
    )


def _list(
    question: QuestionConfig, named: Mapping[str, str], subject: str, language: Language, must: str
) -> str:
    listed = "".join(
        f"<Choice value={quoteattr(shown(title))} alias={quoteattr(value)}/>"
        for value, title in named.items()
    )
    most = len(named) if question.kind == "several" else 1
    return (
        f'<Taxonomy name="{question.name}" toName="{subject}" leafsOnly="true" '
        f'showFullPath="false" maxUsages="{most}" pathSeparator="\u241f" '
        f"placeholder={quoteattr(word('search', language))}{must}>{listed}</Taxonomy>"
    )


def _assigned(question: QuestionConfig, keys: list[str]) -> Iterator[tuple[str, str]]:
    """Each answer's key: with a letter of its own where one is left, in order for a scale."""
    for value in question.values:
        own = (f"alt+{letter}" for letter in value.casefold() if question.kind != "scale")
        key = next((key for key in own if key in keys), keys[0])
        keys.remove(key)
        yield value, key
