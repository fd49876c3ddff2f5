"""Who wrote the values of each column: models, people and published data sets, by rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries
from pipeline.engine.counting import count_values, filled
from pipeline.release.contents import Making
from schemas.tables import DESCRIPTION_FIELDS, TABLES

DERIVED_FROM = {
    "image": (),
    **dict.fromkeys(("width", "height", "frames", "duration_ms", "animated"), ("image",)),
    **dict.fromkeys(("format", "aspect", "entropy", "flags", "id"), ("image",)),
    **dict.fromkeys(("tags", "domain", "ocr_text", "duplicate_group", "template_id"), ("image",)),
    "label_status": ("tags", "annotators"),
    "domain_provenance": ("domain",),
    "suggested_tags": ("keywords", "ocr_text"),
    "keywords": ("trigger_words",),
    "test_sets": ("trigger_words", "domain"),
    **dict.fromkeys((name for name, _ in DESCRIPTION_FIELDS), ("image", "ocr_text")),
    "split": ("duplicate_group", "template_id", "tags", "test_sets"),
}
"""Columns that others are made from, as PROV's wasDerivedFrom has it."""

_STEPS = (
    ("stickers", "hashing the file", ("id",)),
    ("stickers", "looking at the first bytes", ("format",)),
    ("observations", "fetching", ("image",)),
    ("observations", "noting what sources say",
     ("keywords", "trigger_words", "pack", "sources", "source_urls", "authors", "licence",
      "licence_basis", "licence_url")),
    ("signals", "measuring pixels",
     ("width", "height", "frames", "duration_ms", "animated", "aspect", "entropy", "flags")),
    ("duplicates", "finding near-duplicates and templates", ("duplicate_group", "template_id")),
    ("suggestions", "matching keywords and texts with the tag set", ("suggested_tags",)),
    ("descriptions", "choosing among texts", ("captioner", "written_by")),
    ("labels", "merging votes and labels",
     ("label_status", "label_provenance", "annotators", "simulated", "domain_provenance")),
    ("splits", "assigning groups to splits", ("split",)),
)  # fmt: skip
"""Tables whose command fills columns without a model or people, and what it does for that."""

TEMPLATE = "template/"
"""How the texts of no model are called in ``written_by``: they repeat tags and keywords."""

SAID = "imported "
"""What stands before a data set's name in ``written_by``: its texts were taken as they are."""


@dataclass
class Written:
    """Rows with a text of a field, and by what wrote them: alone, or among others.

    Which of several writers of a row wrote which of its fields isn't kept.
    """

    rows: int = 0
    alone: Counter[str] = field(default_factory=Counter)
    shared: Counter[str] = field(default_factory=Counter)


@dataclass
class Makers:
    """Sums over rows of a release of who made what.

    ``fields`` are texts of models, ``said`` those of rows whose texts all come from data sets; in
    both, ``shared`` counts a writer in every row that others wrote in, whichever kind they are.
    ``there`` counts rows with a value by column, ``imported`` those whose value is a data set's.
    """

    fields: dict[str, Written] = field(default_factory=dict)
    said: dict[str, Written] = field(default_factory=dict)
    ocr: Counter[str] = field(default_factory=Counter)
    domain: Counter[str] = field(default_factory=Counter)
    domain_votes: int = 0
    domain_reviews: int = 0
    provenance: Counter[str] = field(default_factory=Counter)
    voted: Counter[int] = field(default_factory=Counter)
    tag_votes: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    imported: dict[str, Counter[str]] = field(default_factory=dict)

    def add_rows(self, rows: pa.Table) -> None:
        """Count rows, with ``ocr_model``, ``domain_model``, ``counts`` of votes, whether bytes are
        ``carried``, and lists of ``data_sets`` beside."""
        self._add_texts(rows)
        read = pc.fill_null(pc.not_equal(rows["ocr_text"], ""), False)
        self.ocr.update(count_values(filled(rows["ocr_model"].filter(read), "unknown")))
        judged = pc.fill_null(pc.equal(rows["domain_provenance"], "classifier"), False)
        self.domain.update(count_values(filled(rows["domain_model"].filter(judged), "unknown")))
        by_votes = pc.sum(pc.equal(rows["domain_provenance"], "votes")).as_py()
        self.domain_votes += by_votes or 0
        by_review = pc.sum(pc.equal(rows["domain_provenance"], "review")).as_py()
        self.domain_reviews += by_review or 0
        self.provenance.update(count_values(rows["label_provenance"]))
        self.voted.update(count_values(rows["annotators"]))
        self._add_votes(rows["counts"])
        self._add_columns(rows)

    def _add_columns(self, rows: pa.Table) -> None:
        foreign = pc.greater(pc.list_value_length(rows["data_sets"]), 0)
        fetched = pc.and_not(rows["carried"], foreign)
        self.there["image"] += pc.sum(fetched).as_py() or 0
        self.there["test_sets"] += _filled(rows["test_sets"])
        for name in (name for *_, names in _STEPS for name in names if name != "image"):
            self.there[name] += _filled(rows[name])
        for name, of in (
            ("image", rows["carried"]),
            ("tags", pc.equal(rows["label_provenance"], "imported")),
            ("domain", pc.equal(rows["domain_provenance"], "imported")),
            ("imported", foreign),
        ):
            _, sets = entries(rows["data_sets"].filter(pc.fill_null(of, False)))
            self.imported.setdefault(name, Counter()).update(count_values(sets))

    def _add_texts(self, rows: pa.Table) -> None:
        writers = pc.list_value_length(rows["written_by"])
        single = pc.fill_null(pc.equal(writers, 1), False)
        places, names = entries(rows["written_by"])
        quoted = pc.fill_null(pc.starts_with(names, SAID), False).to_numpy(False)
        by_sets = np.zeros(len(rows), bool)
        by_sets[places[quoted]] = True
        by_sets[places[~quoted]] = False
        for name, _ in DESCRIPTION_FIELDS:
            made, said = (kind.setdefault(name, Written()) for kind in (self.fields, self.said))
            there = pc.is_valid(rows[name])
            of_sets = int(np.count_nonzero(there.to_numpy() & by_sets))
            said.rows += of_sets
            made.rows += (pc.sum(there).as_py() or 0) - of_sets
            for alone, of in ((True, single), (False, pc.invert(single))):
                lists = rows["written_by"].filter(pc.and_(there, of))
                for writer, count in count_values(entries(lists)[1]).items():
                    found = said if writer.startswith(SAID) else made
                    counts = found.alone if alone else found.shared
                    counts[writer.removeprefix(SAID)] += count

    def _add_votes(self, counts: pa.ChunkedArray) -> None:
        _, given = entries(counts)
        by_tag = pa.table(
            {name: pc.struct_field(given, name) for name in ("tag", "votes")}
        ).group_by("tag")
        for row in by_tag.aggregate([("votes", "sum")]).to_pylist():
            if row["tag"] is not None:
                self.tag_votes[row["tag"]] += row["votes_sum"] or 0

    def makings(self, annotators: int, simulated: bool) -> dict[str, list[Making]]:
        """What wrote values of each column, the most rows first; for PROV."""
        found = {name: _texts(made, self.said[name]) for name, made in self.fields.items()}
        found["ocr_text"] = _by("reading text (OCR)", self.ocr)
        found["domain"] = _by("classification as real or cartoon", self.domain)
        people = voters(annotators, simulated)
        if self.domain_votes:
            found["domain"].append(Making("votes", people, self.domain_votes, not simulated))
        if self.domain_reviews:
            found["domain"].append(Making(_HOW["review"], ("people",), self.domain_reviews, True))
        found["tags"] = [
            Making(_HOW[how], ("people",), rows, True)
            if how == "review"
            else Making(_HOW.get(how, how), people, rows, not simulated)
            for how, rows in _ranked(self.provenance)
            if how != "imported"
        ]
        picked = self.there["test_sets"]
        found["test_sets"] = [Making("picking on a page", ("people",), picked, True)] * bool(picked)
        for table, activity, names in _STEPS:
            for name in names:
                agent = f"stickerworks {TABLES[table].command}"
                found[name] = [Making(activity, (agent,), self.there[name])]
        for name, counts in self.imported.items():
            found.setdefault(name, []).extend(_quoted("taking over from a data set", counts))
        return {name: made for name, made in found.items() if made}


_HOW = {
    "votes": "votes on tags",
    "adjudication": "a lead's decision between votes",
    "review": "changing labels afterwards, with a reason",
}
PEOPLE = "people"
"""How those who corrected a model's text are called in ``written_by``."""


def voters(annotators: int, simulated: bool) -> tuple[str, ...]:
    """How those who voted are called, without a name."""
    kind = "simulated annotators: no person" if simulated else "people, under pseudonyms"
    return (f"{annotators} {kind}",)


def _texts(made: Written, said: Written) -> list[Making]:
    quoting = "quoting a published data set"
    return [
        *_by("writing", made.alone),
        *_by("writing, with others in the same rows", made.shared),
        *_quoted(quoting, said.alone),
        *_quoted(f"{quoting}, with others in the same rows", said.shared),
    ]


def _filled(column: pa.ChunkedArray) -> int:
    """Rows with a value, in lists at least one."""
    if pa.types.is_list(column.type):
        return int(pc.sum(pc.greater(pc.list_value_length(column), 0)).as_py() or 0)
    return int(len(column) - column.null_count)


def _quoted(activity: str, counts: Counter[str]) -> list[Making]:
    return [Making(activity, (name,), rows, data_sets=True) for name, rows in _ranked(counts)]


def _by(activity: str, counts: Counter[str]) -> list[Making]:
    return [Making(activity, (name,), rows, name == PEOPLE) for name, rows in _ranked(counts)]


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
