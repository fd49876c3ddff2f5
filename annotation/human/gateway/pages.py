"""Pages of the gateway's own: plain HTML that loads one style sheet and pictures of this server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from annotation.human.gateway.feedback import GoldAnswer
from annotation.human.gateway.live import Answer
from annotation.human.gateway.words import WORDS
from annotation.human.studio.gold_file import GoldLabel
from schemas.questions import Language

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_VIDEOS = (".webm", ".mp4")


@dataclass(frozen=True)
class Share:
    """Stickers of a batch, a project or a person: how many are done of all."""

    name: str
    project: int
    done: int
    all: int


@dataclass(frozen=True)
class Home:
    """What an annotator sees first: shares of batches, of projects, and of what is reviewed."""

    name: str
    language: Language
    batches: tuple[Share, ...]
    projects: tuple[Share, ...]
    screening: tuple[Share, ...]
    guidelines: str
    gold_batch: str
    gold_batches: tuple[str, ...]
    gold: tuple[GoldAnswer, ...]


def home_page(home: Home) -> str:
    """The first page of an annotator."""
    said = WORDS[home.language]
    parts = [_work(home), _screening(home)]
    if home.gold:
        parts.append(_gold(home))
    if home.guidelines:
        parts.append(
            f'<h2 id="guidelines">{said["guidelines"]}</h2>'
            f'<div class="guidelines">{home.guidelines}</div>'
        )
    return _page(home.language, said["hello"].format(name=escape(home.name)), "".join(parts))


def lead_page(language: Language, name: str, shares: Sequence[Share], guidelines: str) -> str:
    """The first page of the lead: every project with how far it is."""
    said = WORDS[language]
    rows = "".join(
        f'<tr><td><a href="/projects/{share.project}/data">{escape(share.name)}</a></td>'
        f"<td>{share.done:,} {said['of']} {share.all:,} {said['stickers']}</td></tr>"
        for share in shares
    )
    commands = ("label status", "label import", "label adjudicate", "label report")
    listed = "".join(f"<li><code>stickerworks {command}</code></li>" for command in commands)
    body = (
        f"<p>{said['lead']}</p>"
        f"<p><a class='go' href='/projects/'>{said['projects']}</a></p>"
        f"<table>{rows}</table>"
        f"<h2>{said['commands']}</h2><ul>{listed}</ul>"
    )
    if guidelines:
        body += f'<h2>{said["guidelines"]}</h2><div class="guidelines">{guidelines}</div>'
    return _page(language, said["hello"].format(name=escape(name)), body)


def refusal_page(language: Language, why: str, *, known: bool) -> str:
    """A short page that says why something isn't shown."""
    said = WORDS[language]
    back = f'<p><a href="/">{said["back"]}</a></p>' if known else ""
    return _page(language, said["refuse"], f"<p>{said[why]}</p>{back}")


def note_page(language: Language, why: str) -> str:
    """A short page for somebody who can do nothing here at the moment."""
    said = WORDS[language]
    return _page(language, said["title"], f"<p>{said[why]}</p>")


def _page(language: Language, title: str, body: str) -> str:
    said = WORDS[language]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{said['title']}</title>"
        '<link rel="stylesheet" href="/_stickerworks/page.css"></head><body>'
        f'<header><h1>{title}</h1><a href="/logout/">{said["log out"]}</a></header>'
        f"<main>{body}</main></body></html>"
    )


def _work(home: Home) -> str:
    said = WORDS[home.language]
    total = sum(share.all for share in home.projects)
    done = sum(share.done for share in home.projects)
    if not total:
        return "" if home.screening else f"<p>{said['nothing']}</p>"
    open_ = [share for share in home.projects if share.done < share.all]
    chosen = (open_ or list(home.projects))[0]
    key = "done" if open_ else "all done"
    text = said[key].format(done=f"{done:,}", all=f"{total:,}", left=f"{total - done:,}")
    bar = f'<progress max="{total}" value="{done}"></progress>'
    link = _stream(chosen.project, said["go on"] if open_ else said["again"])
    guide = f' <a href="#guidelines">{said["guidelines"]}</a>' if home.guidelines else ""
    return f"<p>{text}</p>{bar}<p>{link}{guide}</p>{_batches(home)}"


def _batches(home: Home) -> str:
    if len(home.batches) < 2:
        return ""
    said = WORDS[home.language]
    rows = "".join(
        f"<tr><td>{said['batch']} {escape(share.name)}</td>"
        f'<td><progress max="{share.all}" value="{share.done}"></progress></td>'
        f"<td>{share.done:,} {said['of']} {share.all:,}</td></tr>"
        for share in home.batches
    )
    return f"<table>{rows}</table>"


def _screening(home: Home) -> str:
    said = WORDS[home.language]
    parts = [
        f"<p>{said['screening said'].format(done=f'{share.done:,}', all=f'{share.all:,}')}</p>"
        f"<p>{_stream(share.project, said['screen'])}</p>"
        for share in home.screening
    ]
    return f"<h2>{said['screening']}</h2>{''.join(parts)}" if parts else ""


def _stream(project: int, text: str) -> str:
    return f'<a class="go" href="/projects/{project}/data?labeling=1">{text}</a>'


def _gold(home: Home) -> str:
    said = WORDS[home.language]
    verdicts = [answer.verdict for answer in home.gold]
    text = said["gold said"].format(
        all=len(verdicts), same=verdicts.count("same"), partly=verdicts.count("partly")
    )
    rows = "".join(_gold_row(home.language, answer) for answer in home.gold)
    others = " ".join(
        f'<a href="/?batch={quote(batch)}">{escape(batch)}</a>'
        for batch in home.gold_batches
        if batch != home.gold_batch
    )
    others = f"<p>{said['batch']}: {others}</p>" if others else ""
    return (
        f"<h2>{said['gold'].format(batch=escape(home.gold_batch))}</h2><p>{text}</p>"
        f"<table><tr><th></th><th>{said['you said']}</th><th>{said['known']}</th><th></th></tr>"
        f"{rows}</table>{others}"
    )


def _gold_row(language: Language, answer: GoldAnswer) -> str:
    said = WORDS[language]
    mine = said["skipped"] if answer.said.skipped else _label(language, answer.said)
    return (
        f'<tr><td class="picture">{_picture(answer.picture)}</td><td>{mine}</td>'
        f"<td>{_label(language, answer.known)}</td>"
        f'<td class="{answer.verdict}">{said[answer.verdict]}</td></tr>'
    )


def _label(language: Language, given: Answer | GoldLabel) -> str:
    said = WORDS[language]
    tags = _joined(language, given.tags) or f"<i>{said['no tag']}</i>"
    domain = said.get(given.domain or "", "")
    return f"{tags}<br>{domain}" if domain else tags


def _joined(language: Language, tags: Iterable[str]) -> str:
    return ("、" if language == "zh" else ", ").join(map(escape, tags))


def _picture(path: str) -> str:
    if not path:
        return ""
    address = f"/data/local-files/?d={quote(path)}"
    if path.endswith(_VIDEOS):
        return f'<video src="{address}" autoplay loop muted playsinline></video>'
    return f'<img src="{address}" alt="" loading="lazy">'
