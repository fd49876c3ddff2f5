"""Croissant 1.1 metadata of data sets in Parquet shards, made with mlcroissant."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlcroissant as mlc
from mlcroissant._src.core.context import CroissantVersion
from mlcroissant._src.core.rdf import Rdf, make_context

from pipeline.engine.file_digest import file_sha256
from pipeline.engine.text import one_line
from pipeline.release.contents import Asked, Column, Contents, Label, Making, Shard

__all__ = [
    "Asked",
    "Column",
    "Contents",
    "Label",
    "Making",
    "Shard",
    "croissant_json",
    "read_shards",
]

_RECORDS, _SPLITS, _SHARDS, _LABELS = "default", "splits", "shards", "labels"
_QUESTIONS = "questions"
_PARQUET, _JSON = "application/x-parquet", "application/json"
_PROV = "http://www.w3.org/ns/prov#"
_TYPES = {
    "string": mlc.DataType.TEXT,
    "int32": mlc.DataType.INTEGER,
    "int64": mlc.DataType.INTEGER,
    "float32": mlc.DataType.FLOAT,
    "float64": mlc.DataType.FLOAT,
    "bool": mlc.DataType.BOOL,
    "image": mlc.DataType.IMAGE_OBJECT,
}


def croissant_json(contents: Contents) -> str:
    """The text of croissant.json: every shard with its sha256, splits, records, PROV and RAI."""
    context = mlc.Context(conforms_to=CroissantVersion.V_1_1)
    context.rdf = Rdf(context=make_context(context, prov=_PROV))
    records = [_splits(context, contents), _records(context, contents)]
    if contents.labels:
        records.append(_labels(context, contents.labels))
    if contents.questions:
        records.append(_questions(context, contents.questions))
    metadata = mlc.Metadata(
        ctx=context,
        name=contents.name,
        version=contents.version,
        description=contents.description or "Stickers and GIFs with tags, captions and provenance.",
        license=[contents.licence],
        distribution=_distribution(context, contents),
        record_sets=records,
        **contents.about,
    )
    return json.dumps(metadata.to_json(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def read_shards(folder: Path) -> dict[str, Shard]:
    """The shards of a finished data set's folder, with their sizes and sums, by name."""
    paths = sorted((folder / "data").glob("*.parquet"))
    return read_files(folder, [f"data/{path.name}" for path in paths])


def read_files(folder: Path, names: Sequence[str]) -> dict[str, Shard]:
    """Files of a data set's folder, with their sizes and sums, by name."""
    return {
        name: Shard((folder / name).stat().st_size, file_sha256(folder / name)) for name in names
    }


def _distribution(context: mlc.Context, contents: Contents) -> list[Any]:
    every = mlc.FileSet(
        ctx=context,
        id=_SHARDS,
        name=_SHARDS,
        description="Parquet files, named after their split.",
        # No archive or repository: the files lie beside this one.
        contained_in=[],
        encoding_formats=[_PARQUET],
        includes=["data/*.parquet"],
    )
    return [
        every,
        *(
            mlc.FileObject(
                ctx=context,
                id=name,
                name=name,
                content_url=name,
                content_size=f"{file.nbytes} B",
                encoding_formats=[kind],
                sha256=file.sha256,
            )
            for files, kind in ((contents.shards, _PARQUET), (contents.files, _JSON))
            for name, file in sorted(files.items())
        ),
    ]


def _splits(context: mlc.Context, contents: Contents) -> mlc.RecordSet:
    data = [{"name": split, "rows": rows} for split, rows in contents.rows.items()]
    columns = (("name", "string", "the split"), ("rows", "int64", "rows in it"))
    return _inline(context, _SPLITS, "The splits.", columns, data, [mlc.DataType.SPLIT])


def _labels(context: mlc.Context, labels: Sequence[Label]) -> mlc.RecordSet:
    columns = (
        ("tag", "string", "a tag that annotators chose"),
        ("rows", "int64", "rows that carry it as an effective tag"),
        ("votes", "int64", "counted votes for it on stickers of this release"),
        ("annotators", "int64", "annotators who gave it to a sticker of this release"),
    )
    data = [
        {"tag": tag.name, "rows": tag.rows, "votes": tag.votes, "annotators": tag.annotators}
        for tag in labels
    ]
    return _inline(context, _LABELS, "Who stands behind each tag.", columns, data, [])


def _questions(context: mlc.Context, questions: Sequence[Asked]) -> mlc.RecordSet:
    columns = (
        ("question", "string", "its name: the column voted_NAME has the answers"),
        ("kind", "string", "single, several, text or scale"),
        ("title_en", "string", "the question in English"),
        ("title_zh", "string", "the question in Chinese"),
        ("answers", "string", "answers that could be given"),
        ("rows", "int64", "rows with an answer"),
        ("alpha", "string", "Krippendorff's alpha of all votes, whether released or not"),
    )
    data = [
        asdict(one) | {"alpha": "undefined" if one.alpha is None else f"{one.alpha:.3f}"}
        for one in questions
    ]
    return _inline(context, _QUESTIONS, "What people were asked.", columns, data, [])


def _inline(
    context: mlc.Context,
    name: str,
    doc: str,
    columns: Sequence[Column],
    data: list[dict[str, Any]],
    types: list[Any],
) -> mlc.RecordSet:
    """A record set whose records stand in the metadata itself; its first column is the key."""
    return mlc.RecordSet(
        ctx=context,
        id=name,
        name=name,
        description=doc,
        key=[f"{name}/{columns[0][0]}"],
        data_types=types,
        fields=[
            mlc.Field(
                ctx=context,
                id=f"{name}/{column}",
                name=f"{name}/{column}",
                description=meaning,
                data_types=[_TYPES[kind]],
            )
            for column, kind, meaning in columns
        ],
        data=[{f"{name}/{column}": value for column, value in row.items()} for row in data],
    )


def _records(context: mlc.Context, contents: Contents) -> mlc.RecordSet:
    names = "|".join(re.escape(split) for split in contents.rows)
    split = mlc.Field(
        ctx=context,
        id=f"{_RECORDS}/split",
        name=f"{_RECORDS}/split",
        description="the split, from the name of the file",
        data_types=[mlc.DataType.TEXT],
        source=mlc.Source(
            ctx=context,
            file_set=_SHARDS,
            extract=mlc.Extract(ctx=context, file_property="fullpath"),
            # mlcroissant applies it to its own result once more, where it joins the splits, and
            # makes globs of it where somebody asks for one split.
            transforms=[mlc.Transform(ctx=context, regex=f"^(?:data/)?({names}).*$")],
        ),
        references=mlc.Source(ctx=context, field=f"{_SPLITS}/name"),
        extra_properties=_provenance("split", contents),
    )
    return mlc.RecordSet(
        ctx=context,
        id=_RECORDS,
        name=_RECORDS,
        description="One record a sticker.",
        key=[f"{_RECORDS}/id"] if any(name == "id" for name, *_ in contents.columns) else None,
        fields=[split, *(_field(context, column, contents) for column in contents.columns)],
    )


def _field(context: mlc.Context, column: Column, contents: Contents) -> mlc.Field:
    name, kind, doc = column
    single = kind.strip("[]")
    takes_bytes = [mlc.Transform(ctx=context, json_path="bytes")] if single == "image" else []
    return mlc.Field(
        ctx=context,
        id=f"{_RECORDS}/{name}",
        name=f"{_RECORDS}/{name}",
        description=doc,
        data_types=[_TYPES[single]],
        # mlcroissant 1.1.1 reads lists of pictures by this older name of isArray alone.
        repeated=kind.startswith("["),
        source=mlc.Source(
            ctx=context,
            file_set=_SHARDS,
            extract=mlc.Extract(ctx=context, column=name),
            transforms=takes_bytes,
        ),
        extra_properties=_provenance(name, contents),
    )


def _provenance(name: str, contents: Contents) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if made := [_activity(making) for making in contents.made_by.get(name, ())]:
        found["prov:wasGeneratedBy"] = made
    if sources := contents.derived_from.get(name):
        found["prov:wasDerivedFrom"] = [{"@id": f"{_RECORDS}/{source}"} for source in sources]
    return found


def _activity(making: Making) -> dict[str, Any]:
    kind = "prov:Person" if making.people else "prov:SoftwareAgent"
    relation, kind = (
        ("prov:used", "prov:Entity") if making.data_sets else ("prov:wasAssociatedWith", kind)
    )
    return {
        "@type": "prov:Activity",
        "prov:label": f"{one_line(making.activity)}, {making.rows} rows",
        relation: [{"@type": kind, "prov:label": one_line(agent, 300)} for agent in making.agents],
    }
