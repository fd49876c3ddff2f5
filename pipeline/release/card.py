"""The dataset card: README.md with the front matter that `datasets` reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.engine.text import markdown_text
from pipeline.release.features import features_of
from pipeline.release.front_matter import Stored, front_matter
from pipeline.release.hosts import hosts_section
from pipeline.release.markdown import table
from pipeline.release.questions_card import questions_section
from pipeline.release.tally import PerSplit, ReleaseCounts, ranked, total
from schemas.config import Config
from schemas.release import SPLITS, AskedQuestion, columns_of

_TAG_ROWS = 30
_LICENCE_ROWS = 10
_DESCRIPTION_CHARACTERS = 5000


@dataclass(frozen=True)
class CardFacts:
    """Everything that a card says beside the counts: sizes in bytes, rows of small tables."""

    tally: ReleaseCounts
    num_bytes: dict[str, int]
    download_size: int
    unfetched: Counter[tuple[str, str]]
    hosts: list[dict[str, Any]]
    agreement: list[dict[str, Any]]
    leakage: list[dict[str, Any]]
    moved: Counter[tuple[str, str]]
    tagset: str | None
    named: bool
    plots: list[str]


def render_card(config: Config, facts: CardFacts) -> str:
    """Text of README.md; whatever came from the web is escaped."""
    release = config.release
    sections = [
        _front_matter(config, facts),
        f"# {markdown_text(release.name)} {release.version}",
        *_warnings(facts, release.contact),
        markdown_text(
            release.description or "Stickers and GIFs with tags, captions and provenance.",
            _DESCRIPTION_CHARACTERS,
        ),
        _loading(release.name, release.version),
        *_contents(facts),
        *_origins(facts),
        *hosts_section(facts.hosts),
        *_labels(facts),
        *questions_section(facts.tally.answers, facts.agreement),
        *_leakage(facts),
        *_moved(facts),
        _columns(_questions(facts)),
        _files(facts),
        _papers(release.name, release.contact),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(config: Config, facts: CardFacts) -> str:
    release = config.release
    stored = Stored(facts.tally.rows, facts.num_bytes, facts.download_size)
    title = f"{release.name} {release.version}"
    return front_matter(title, release.licence, features_of(columns_of(_questions(facts))), stored)


def _questions(facts: CardFacts) -> list[AskedQuestion]:
    return [answers.question for answers in facts.tally.answers]


def _warnings(facts: CardFacts, contact: str) -> Iterator[str]:
    rows, simulated = facts.tally.rows.total(), facts.tally.simulated
    if simulated:
        yield (
            f"> **SIMULATED VOTES.** The labels of {simulated:,} of {rows:,} stickers rest on "
            "simulated votes: no person looked at them. They show that the pipeline works; they "
            "say nothing about the stickers. The column `simulated` marks these rows."
        )
    if not facts.tally.tags:
        yield (
            "> **No effective tags.** No sticker has tags that annotators voted for; "
            "`suggested_tags` come from keywords and texts on stickers alone."
        )
    if facts.tally.without_bytes:
        yield (
            f"> **{facts.tally.without_bytes:,} of {rows:,} rows carry no image**: no source of "
            "theirs allows redistribution, or they are videos or Lottie (`format` is mp4, webm or "
            "tgs), which readers of pictures don't open. `source_urls` says where the files are, "
            "`id` is the sha256 that they must have."
        )
    if not contact:
        yield "> **No contact is stated** where people can ask for the removal of a file."


def _loading(name: str, version: str) -> str:
    return f"""## How to load

```python
from datasets import load_dataset
stickers = load_dataset("{name}-{version}")
```

`stickers["train"][0]["image"]` is an animated PIL image. **Before `ds.map`, cast the column:**
`stickers = stickers.cast_column("image", datasets.Image(decode=False))`. A map that touches a
decoded image silently writes it back as one frame and drops its path; `Image(mode="RGB")` flattens
animations too. pandas, DuckDB and pyarrow read `data/*.parquet` as they are."""


def _contents(facts: CardFacts) -> Iterator[str]:
    tally = facts.tally
    yield "## What is in it"
    yield _per_split("split", {split: Counter({split: tally.rows[split]}) for split in SPLITS})
    if tally.test_sets:
        yield (
            "Of `test`, `test_sets` names sets that people picked; "
            "`stickerworks evaluate --split NAME` judges on one of them:"
        )
        counts = total(tally.test_sets)
        yield table(("named test set", "stickers"), [(n, counts[n]) for n in sorted(counts)])
    yield _per_split("format", tally.formats)
    yield _per_split("domain", tally.domains)
    yield _per_split("label status", tally.label_status)
    tags: PerSplit = getattr(tally, tally.tag_column)
    if tags:
        yield _per_split("tag" if tally.tag_column == "tags" else "suggested tag", tags, _TAG_ROWS)
    yield "\n".join(f"![{name[:-4].replace('_', ' ')}](plots/{name})" for name in facts.plots)


def _origins(facts: CardFacts) -> Iterator[str]:
    tally = facts.tally
    yield "## Where it comes from, and what was left out"
    licences = sorted(tally.licences.items(), key=lambda item: (-item[1].total(), item[0]))
    yield table(
        ("sources", "licence stated", "stated for", "with bytes", "without bytes"),
        [(*key, n["with bytes"], n["without bytes"]) for key, n in licences[:_LICENCE_ROWS]],
    )
    if left := len(licences) - len(licences[:_LICENCE_ROWS]):
        yield f"{left:,} more are in `counts.json`; `legal/licences.csv` has every licence."
    yield (
        f"Of {tally.outcomes.total():,} stickers that were fetched: "
        + ", ".join(f"{count:,} {markdown_text(name)}" for name, count in ranked(tally.outcomes))
        + ". `decisions.parquet` gives the outcome of every one, with each rule's value and "
        "threshold. A sticker can break several rules."
    )
    if tally.rules:
        yield table(
            ("rule", "stickers it left out", "of them by this rule alone"),
            [(rule, count, tally.only_rule[rule]) for rule, count in ranked(tally.rules)],
        )
    if facts.unfetched:
        yield f"{facts.unfetched.total():,} more were listed but not got (`unfetched.parquet`):"
        rows = sorted(facts.unfetched.items(), key=lambda item: (-item[1], item[0]))
        yield table(("state", "why", "observations"), [(*key, count) for key, count in rows])


def _tagset(facts: CardFacts) -> str:
    if facts.tagset is None:
        return "none."
    named = (
        "People named its tags."
        if facts.named
        else "**Nobody has named its tags**: each is called by a word of its keywords."
    )
    return f"version {markdown_text(facts.tagset)}, in `tagset.json`. {named}"


def _reviewed(facts: CardFacts) -> Iterator[str]:
    makers = facts.tally.makers
    answers = sum(one.status["review"] for one in facts.tally.answers)
    found = [
        (makers.provenance["review"], "label", "`label_provenance`"),
        (answers, "answer", "`voted_NAME_status`"),
        (makers.domain_reviews, "domain", "`domain_provenance`"),
    ]
    there = [(count, noun, column) for count, noun, column in found if count]
    if there:
        counts = [f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun, _ in there]
        columns = ", ".join(column for *_, column in there)
        verb = "was" if [count for count, *_ in there] == [1] else "were"
        yield (
            f"{', '.join(counts)} {verb} changed in a review after the votes, each with a reason "
            f"({columns}: `review`)."
        )


def _labels(facts: CardFacts) -> Iterator[str]:
    yield "## Labels"
    # How many are enough was settled when the votes were merged; the tables don't keep it.
    yield (
        "`tags` holds the tags that enough annotators agreed on; such a sticker is `effective`, "
        "however many voted. Where no tag got there, it is `rejected` when enough of them skipped "
        "it, `adjudicate` when all the votes asked for are in, `insufficient` when votes are "
        "missing, and `unlabelled` when nobody voted or skipped. `annotators` counts the votes of "
        "each sticker. Tag set: " + _tagset(facts)
    )
    yield from _reviewed(facts)
    whole = {row["measure"]: row for row in facts.agreement}
    if "tag_sets" not in whole:
        yield "Agreement was not measured: no two annotators voted on one sticker."
        return
    yield "Agreement is that of all votes, whether their stickers are in this release or not:"
    tags, domain = whole["tag_sets"], whole["domain"]
    names = {name for row in facts.agreement for name in row["annotators"] or ()}
    interval = "" if tags["low"] is None else f" (95%: {tags['low']:.3f} to {tags['high']:.3f})"
    yield table(
        ("agreement between annotators", "value"),
        [
            ("annotators", len(names)),
            ("stickers with at least two votes", tags["stickers"]),
            ("Krippendorff's alpha of tag sets (MASI)", _alpha(tags["alpha"]) + interval),
            ("Krippendorff's alpha of the domain", _alpha(domain["alpha"])),
        ],
    )


def _leakage(facts: CardFacts) -> Iterator[str]:
    yield "## Leakage between splits"
    yield (
        "Near-duplicates and stickers of one template are never separated. What else relates "
        "stickers of different splits:"
    )
    yield table(
        ("related by", "relations", "across splits", "stickers in those"),
        [
            (row["kind"], row["shared"], row["leaking"], row["rows"])
            for row in facts.leakage
            if row["kind"] != "earlier_release"
        ],
    )


def _moved(facts: CardFacts) -> Iterator[str]:
    """What became of the splits of earlier releases."""
    (row,) = [row for row in facts.leakage if row["kind"] == "earlier_release"] or [{"shared": 0}]
    if not row["shared"]:
        return
    yield "## Splits of earlier releases"
    told = f"{row['shared']:,} of these stickers were in earlier releases of this data set"
    if not facts.moved:
        yield f"{told}: every one is in the split that it was in there."
    else:
        yield from _moved_rows(facts, told)
    yield (
        "What was taken down since, or left the crawl, binds nothing any more: what is like a "
        "sticker that was public in train, and is gone, may be in test here."
    )


def _moved_rows(facts: CardFacts, told: str) -> Iterator[str]:
    yield (
        f"{told}. {facts.moved.total():,} of them are in another split now, since their "
        "near-duplicate group or template joined one there: `moved.parquet` lists each, with the "
        "sticker that it joined. All others are where they were. A group that was in several "
        "splits takes train before validation before test, so that nothing that was public in "
        "train turns up in test."
    )
    yield table(
        ("from", "to", "stickers"), [(*key, count) for key, count in sorted(facts.moved.items())]
    )


def _columns(questions: list[AskedQuestion]) -> str:
    rows = [
        (name, kind.replace("[", "list of ").strip("]"), doc)
        for name, kind, doc in columns_of(questions)
    ]
    # Our own words: wide enough to stand uncut.
    lines = [f"| `{name}` | {kind} | {doc} |" for name, kind, doc in rows]
    return "## Columns\n\n| column | type | meaning |\n| --- | --- | --- |\n" + "\n".join(lines)


def _files(facts: CardFacts) -> str:
    captioners = ", ".join(f"{markdown_text(n)} ({c:,})" for n, c in ranked(facts.tally.captioners))
    return (
        f"## Before you use it\n\n- Captions by: {captioners}. `template` is no model: its texts "
        "repeat the tags and keywords.\n- Near-duplicates, templates and groups never stand in "
        "two splits; `stickerworks validate` checks it.\n- Licences are what the sources "
        "state; nobody checked that they could state them.\n- `counts.json` holds every count of "
        "this card, uncut; `statistics.json` holds those behind the plots."
    )


def _papers(name: str, contact: str) -> str:
    removal = f"Removal of a file: {markdown_text(contact, 300)}.\n\n" if contact else ""
    return f"""## Papers

{removal}What lawyers, authors and tools need, made from the same tables:

| file | what |
| --- | --- |
| `legal/index.html` | sources, hosts, licences, preferences of hosts, models, with their sums |
| `legal/legal.json`, `legal/licences.csv` | the same for machines |
| `legal/training-summary.html` | the EU's public summary of training content, as far as known |
| `legal/datasheet.html` | the datasheet |
| `croissant.json` | Croissant 1.1: splits, sums of the shards, who wrote each field |

`sha256sum -c SHA256SUMS` proves the files. Where `SHA256SUMS.sig` stands beside it, OpenSSH proves
who signed them; compare `allowed_signers` with the publisher's key, which you have from elsewhere:

```sh
ssh-keygen -Y verify -f allowed_signers -I {name} -n file -s SHA256SUMS.sig < SHA256SUMS
```"""


def _per_split(name: str, counts: PerSplit, limit: int | None = None) -> str:
    values = [value for value, _ in ranked(total(counts))]
    if name == "split":
        values = [split for split in SPLITS if counts[split].total()]
        return table((name, "stickers"), [(split, counts[split].total()) for split in values])
    text = table(
        (name, *SPLITS, "all"),
        [
            (value, *(counts[value][split] for split in SPLITS), counts[value].total())
            for value in values[:limit]
        ],
    )
    left = len(values) - len(values[:limit])
    return text + (f"\n\n{left:,} more are in `counts.json`." if left else "")


def _alpha(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
