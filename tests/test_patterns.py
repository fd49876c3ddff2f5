"""No regular expression takes longer than in proportion to its text, which strangers write."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from annotation.handoff.cleaning import chat_text
from annotation.machine.checks import speaks, unread_quotes
from annotation.machine.parsing import read_members, read_yes_no, unwrapped, without_thought
from annotation.machine.refusals import is_refusal
from crawlers.bqb import name_parts, theme_of
from crawlers.names import encode_name
from crawlers.urls import record_json
from pipeline.datasets.emotion_layouts import split_views
from pipeline.datasets.met_meme import parse_emotion
from pipeline.engine.addresses import scrub, strip_secrets
from pipeline.engine.secret_names import hide_secrets
from pipeline.engine.text import html_text, markdown_text, one_line, plain, shorten_ids, storable
from pipeline.release.redact import public_text, public_url
from pipeline.tags.keywords import keywords_of

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "pipeline", "crawlers", "annotation")
METHODS = ("match", "fullmatch", "search", "sub", "split", "findall", "finditer", "subn")
# Written anew in each run from names that are escaped: nothing in them repeats.
ESCAPED = {"annotation/handoff/folder.py", "annotation/machine/inprocess/messages.py"}
# What is cut before it is looked at, to that many characters.
CUT = {
    "annotation/machine/chatter_patterns.py BACK": 400,
    "annotation/machine/parsing.py _LEADING": 300,
    "annotation/machine/parsing.py _UNSURE": 300,
}
SIZES = (30, 300, 30_000)
# In proportion, 30,000 characters take a millisecond; squared, half a second and more.
CEILING_S = 0.2


@dataclass(frozen=True)
class Found:
    """A pattern, where it stands, and the ways in which it is used."""

    where: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def patterns_of(file: Path) -> Iterator[Found]:
    """Every pattern that a module compiles or passes to a function of ``re``."""
    source, where = file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix()
    if "re." not in source or where in ESCAPED:
        return
    names = {
        node.value: node.targets[0].id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    named = {ast.unparse(value): name for value, name in names.items()}
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and ast.unparse(call.func).startswith("re.")):
            continue
        method = ast.unparse(call.func).removeprefix("re.")
        if method not in (*METHODS, "compile"):
            continue
        flags = [word.value for word in call.keywords if word.arg == "flags"]
        given = [call.args[0], *(call.args[1:2] if method == "compile" else flags)]
        pattern = re.compile(*(_value(node, where) for node in given))
        name = named.get(ast.unparse(call), "")
        used = re.findall(rf"\b{name}\.({'|'.join(METHODS)})\(", source) if name else [method]
        yield Found(f"{where} {name or call.lineno}", pattern, frozenset(used or METHODS))


def _value(node: ast.expr, where: str) -> Any:
    code = compile(ast.Expression(node), where, "eval")
    try:
        return eval(code, {"re": re})
    except NameError:
        module = importlib.import_module(where.removesuffix(".py").replace("/", "."))
        return eval(code, dict(vars(module)))


def attacks(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Texts that begin as the pattern wants, repeat what it may repeat, and then disappoint it."""
    starts = {("", body) for body in ("a.", "1", " ", "a", "/")}
    starts |= set(_repeats(parser.parse(pattern.pattern, pattern.flags), "", []))
    for before, body in sorted(starts):
        for end in ("\0", "(", "\n"):
            yield before + body * (size // max(1, len(body))) + end


def _repeats(parsed: Any, before: str, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What comes before each repetition in a pattern, and what is repeated; extends ``found``."""
    for kind, argument in parsed:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            low, high, inner = argument
            body = _sample(inner)
            if high > 20:
                found += [(before, body), (before, body + _sample(inner, other=True))]
            _repeats(inner, before, found)
            before += body * max(low, 1)
        else:
            for part in _parts(kind, argument):
                _repeats(part, before, found)
            before += _sample([(kind, argument)])
    return found


def _parts(kind: Any, argument: Any) -> list[Any]:
    if kind is op.SUBPATTERN:
        return [argument[3]]
    if kind is op.BRANCH:
        return list(argument[1])
    return [argument] if kind is op.ATOMIC_GROUP else []


def _sample(parsed: Any, *, other: bool = False) -> str:
    """A text that a part of a pattern matches; ``other`` prefers the last of what it may."""
    text = ""
    for kind, argument in parsed:
        if kind is op.LITERAL:
            text += chr(argument)
        elif kind in (op.ANY, op.NOT_LITERAL):
            text += "a"
        elif kind is op.IN:
            text += _member(argument, other)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            text += _sample(argument[2], other=other) * max(argument[0], 1)
        elif parts := _parts(kind, argument):
            text += _sample(parts[-1 if other else 0], other=other)
    return text


def _member(members: Any, other: bool) -> str:
    """A character of a class."""
    alphabet = "a1 -_.:/A中\\\t!é\0"
    texts = {op.LITERAL: chr, op.RANGE: lambda pair: chr(pair[0])}
    if members[0][0] is op.NEGATE:
        inside = re.compile(f"[{''.join(_written(m) for m in members[1:])}]")
        allowed = [sign for sign in alphabet if not inside.match(sign)]
    else:
        allowed = [texts[kind](value) for kind, value in members if kind in texts]
        inside = re.compile(f"[{''.join(_written(m) for m in members)}]")
        allowed += [sign for sign in alphabet if inside.match(sign)]
    return (allowed or ["a"])[-1 if other else 0]


def _written(member: Any) -> str:
    kind, value = member
    if kind is op.LITERAL:
        return re.escape(chr(value))
    if kind is op.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    names = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
    name = str(value).removeprefix("CATEGORY_")
    return names[name] if name in names else names[name.removeprefix("NOT_")].upper()


def seconds(call: Callable[[Any], object], text: Any) -> float:
    """CPU time that a call takes: the least of three, where it takes long."""
    best = float("inf")
    for _ in range(3):
        started = time.thread_time()
        call(text)
        best = min(best, time.thread_time() - started)
        if not CEILING_S < best < 5 * CEILING_S:
            break
    return best


def _consume(found: Found, text: Any) -> None:
    if found.methods - {"match", "fullmatch"}:
        for _ in found.pattern.finditer(text):
            pass
    for method in found.methods & {"match", "fullmatch"}:
        getattr(found.pattern, method)(text)


def slow(found: Found) -> str | None:
    """The beginning of a text on which a pattern takes too long."""
    for size in SIZES:
        for text in attacks(found.pattern, min(size, CUT.get(found.where, size))):
            whole = (
                text
                if isinstance(found.pattern.pattern, str)
                else text.encode("latin-1", "replace")
            )
            if seconds(lambda given: _consume(found, given), whole) > CEILING_S:
                return f"{found.where}: {text[:20]!r} ... {text[-5:]!r}, {size} characters"
    return None


def test_a_pattern_that_squares_is_noticed() -> None:
    squares = re.compile(r"\b[a-z][a-z0-9+.-]*://")
    assert slow(Found("here", squares, frozenset({"search"})))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_pattern_takes_time_in_proportion_to_its_text(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    found = [pattern for file in files for pattern in patterns_of(file)]
    assert len(found) > 5 or package == "schemas"
    assert [told for pattern in found if (told := slow(pattern))] == []


HOSTILE = (
    "a.",
    "a=",
    "a:b@",
    "%25",
    "//",
    "/a",
    "'/",
    "1",
    " ",
    "猫",
    "<a",
    '{"a":',
    "token=a&",
    'token:"',
)
TAKERS: dict[str, Callable[[str], object]] = {
    "public_text": public_text,
    "public_url": lambda text: public_url(f"https://a.example/{text}?{text}"),
    "scrub": scrub,
    "hide_secrets": hide_secrets,
    "strip_secrets": lambda text: strip_secrets(f"https://a.example/{text}?{text}"),
    "record_json": lambda text: record_json({"a": text}),
    "storable": storable,
    "encode_name": encode_name,
    "name_parts": lambda text: name_parts(text, theme_of(text)),
    "keywords_of": lambda text: keywords_of(text, [text], text),
    "one_line": one_line,
    "shorten_ids": shorten_ids,
    "markdown_text": markdown_text,
    "html_text": html_text,
    "plain": plain,
    "chat_text": chat_text,
    "read_members": read_members,
    "read_yes_no": read_yes_no,
    "unwrapped": lambda text: unwrapped(without_thought(text)),
    "is_refusal": is_refusal,
    "speaks": lambda text: speaks(text, "en"),
    "unread_quotes": lambda text: unread_quotes(text, text[:100]),
    "split_views": split_views,
    "parse_emotion": lambda text: parse_emotion(f"1({text}("),
}


@pytest.mark.parametrize("name", TAKERS)
def test_what_takes_text_of_strangers_takes_time_in_proportion(name: str) -> None:
    for piece in HOSTILE:
        text = piece * (20_000 // len(piece)) + "!"
        assert seconds(TAKERS[name], text) < 3 * CEILING_S, (name, piece)
