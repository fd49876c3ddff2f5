"""The datasheet: the questions of Gebru et al. (2021), answered by the tables and by people."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from pipeline.engine.errors import StickerworksError
from pipeline.release.legal.facts import Facts
from pipeline.release.legal.questions import Answer, Section

Questions = tuple[tuple[str, str], ...]

_SECTIONS: tuple[tuple[str, Questions], ...] = (
    ("Motivation", (
        ("purpose", "For what purpose was the data set created?"),
        ("creators", "Who created it, and on behalf of which entity?"),
        ("funding", "Who funded its creation?"),
    )),
    ("Composition", (
        ("instances", "What do the instances represent?"),
        ("count", "How many instances are there, of each type?"),
        ("sample", "Does it contain all possible instances, or is it a sample?"),
        ("data", "What data does each instance consist of?"),
        ("labels", "Is there a label or target of each instance?"),
        ("missing", "Is information missing from individual instances?"),
        ("relations", "Are relations between instances made explicit?"),
        ("splits", "Are there recommended data splits?"),
        ("errors", "Are there errors, sources of noise, or redundancies?"),
        ("external", "Is it self-contained, or does it rely on external resources?"),
        ("confidential", "Does it contain data that might be considered confidential?"),
        ("offensive", "Does it contain data that might be offensive, insulting or threatening?"),
        ("subpopulations", "Does it identify subpopulations?"),
        ("identifiable", "Can individuals be identified, directly or indirectly?"),
        ("sensitive", "Does it contain data that might be considered sensitive?"),
    )),
    ("Collection process", (
        ("acquisition", "How was the data of each instance acquired?"),
        ("mechanisms", "What mechanisms or procedures were used to collect it?"),
        ("sampling", "If it is a sample, what was the sampling strategy?"),
        ("collectors", "Who was involved in the collection, and how were they compensated?"),
        ("timeframe", "Over what timeframe was it collected?"),
        ("ethics", "Were ethical review processes conducted?"),
        ("notified", "Were the individuals in question notified, and did they consent?"),
        ("revocation", "Were they given a way to revoke their consent?"),
        ("impact", "Was the potential impact on data subjects analysed?"),
    )),
    ("Preprocessing, cleaning, labelling", (
        ("preprocessing", "Was any preprocessing, cleaning or labelling done?"),
        ("raw", "Was the raw data saved beside it?"),
        ("software", "Is the software that did it available?"),
    )),
    ("Uses", (
        ("used", "Has it been used for any tasks already?"),
        ("repository", "Is there a repository of papers or systems that use it?"),
        ("tasks", "What other tasks could it be used for?"),
        ("risks", "Is there anything that might affect future uses?"),
        ("unsuitable", "Are there tasks for which it should not be used?"),
    )),
    ("Distribution", (
        ("third_parties", "Will it be distributed to third parties?"),
        ("how", "How will it be distributed, and has it a DOI?"),
        ("when", "When will it be distributed?"),
        ("licence", "Under what licence or terms will it be distributed?"),
        ("restrictions", "Have third parties imposed restrictions on the instances?"),
        ("export", "Do export controls or other rules apply?"),
    )),
    ("Maintenance", (
        ("host", "Who supports, hosts and maintains it?"),
        ("contact", "How can the owner, curator or manager be contacted?"),
        ("erratum", "Is there an erratum?"),
        ("updates", "Will it be updated?"),
        ("retention", "Are there limits on the retention of data about people?"),
        ("older", "Will older versions be supported?"),
        ("contribute", "Can others extend or contribute to it?"),
    )),
)  # fmt: skip

KEYS = tuple(key for _, questions in _SECTIONS for key, _ in questions)
"""Names of the questions, as keys of ``release.datasheet``."""


def check_answers(answers: Mapping[str, str]) -> None:
    """StickerworksError for an answer to what is no question."""
    for key in answers:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise StickerworksError(
                f"release.datasheet answers {key!r}, which is no question of the datasheet.{meant}",
                f"Its questions are: {', '.join(KEYS)}.",
            )


def datasheet(facts: Facts, answers: Mapping[str, str]) -> list[Section]:
    """All questions; what the tables know comes before what people add in ``answers``."""
    known = _known(facts)
    return [
        Section(
            title,
            tuple(
                Answer(text, known.get(key, ()), answers.get(key, ""), key=key)
                for key, text in questions
            ),
        )
        for title, questions in _SECTIONS
    ]


def _known(facts: Facts) -> dict[str, tuple[str, ...]]:
    rows, people, crawl = facts["rows"], facts["people"], facts["crawlers"]
    formats = ", ".join(f"{amount['rows']:,} {name}" for name, amount in facts["formats"].items())
    splits = ", ".join(f"{count:,} {split}" for split, count in rows["splits"].items())
    rules = ", ".join(f"{name} {count:,}" for name, count in facts["rules"].items())
    quoted = sorted({w["by"] for field in facts["said_by_data_sets"] for w in field["written"]})
    models = sorted({w["by"] for field in facts["machine_made"] for w in field["written"]})
    sources = ", ".join(f"{row['source']} ({row['stickers']:,})" for row in facts["sources"])
    votes = (
        f"{people['votes']:,} counted votes of {people['annotators']:,} annotators; "
        f"{people['rows_with_simulated_votes']:,} rows rest on simulated votes."
    )
    months = dict.fromkeys(filter(None, (crawl["first_fetched"], crawl["last_fetched"])))
    found: dict[str, tuple[str, ...]] = {
        "instances": ("Stickers: single pictures and animations.",),
        "count": (f"{rows['all']:,} stickers: {formats}.",),
        "data": ("The file where its source allows it, measurements of it, text read in it, "
                 "captions, tags, and where it was seen; README.md lists the columns.",),
        "labels": (votes,),
        "missing": (f"{rows['without_bytes']:,} rows carry no file.",) if rows["without_bytes"] else
                   ("Every row carries its file.",),
        "relations": ("duplicate_group and template_id relate stickers.",),
        "splits": (f"Yes: {splits}. Near-duplicates and templates never stand in two.",),
        "external": (f"{rows['with_bytes']:,} rows carry their file; {rows['without_bytes']:,} "
                     "name addresses, which may change or vanish; their id is the file's sha256.",),
        "acquisition": (f"Found at: {sources}.",) if sources else (),
        "mechanisms": (f"A crawler that calls itself {crawl['names'][0]['name']}.",)
                      if crawl["names"] else (),
        "timeframe": (f"{' to '.join(months)}.",) if months else (),
        "preprocessing": (f"Left out by rules and reviewers: {rules or 'nothing'}.",
                          f"Written by models: {', '.join(models) or 'nothing'}.",
                          *([f"Texts taken from published data sets: {', '.join(quoted)}."]
                            if quoted else [])),
        "licence": (f"Annotations: {facts['release']['licence_of_the_annotations']}. The stickers' "
                    "own licences are in licences.csv.",),
        "restrictions": ("Each sticker has the licence that its source states, or none.",),
        "software": ("stickerworks.",),
    }  # fmt: skip
    if facts["publisher"]:
        found["host"] = (f"{facts['publisher']}.",)
    if facts["removal_contact"]:
        found["contact"] = (f"{facts['removal_contact']}.",)
        found["revocation"] = (f"Requests for removal: {facts['removal_contact']}.",)
    return found
