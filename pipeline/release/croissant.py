"""Croissant metadata of a release, made with mlcroissant."""

from __future__ import annotations

import json

import mlcroissant as mlc

from pipeline.release.tally import ReleaseCounts
from schemas.config import ReleaseConfig
from schemas.release import COLUMNS

_RECORDS = "default"


def croissant_json(config: ReleaseConfig, tally: ReleaseCounts, platforms: list[str]) -> str:
    """The text of croissant.json; one file set a split and one record set over all of them."""
    metadata = mlc.Metadata(
        name=config.name,
        version=config.version,
        description=config.description or "Stickers and GIFs with tags, captions and provenance.",
        license=[config.licence],
        distribution=[
            mlc.FileSet(
                id="shards",
                name="shards",
                description="Parquet files, named after their split.",
                # No archive or repository: the files lie beside this one.
                contained_in=[],
                encoding_formats=["application/x-parquet"],
                includes=["data/*.parquet"],
            )
        ],
        record_sets=[
            mlc.RecordSet(
                id=_RECORDS,
                name=_RECORDS,
                description="One record a sticker.",
                fields=[_field(*column) for column in COLUMNS],
            )
        ],
        data_annotation_platform=platforms,
        machine_annotation_tools=sorted(name for name in tally.captioners if name != "none"),
    )
    return json.dumps(metadata.to_json(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _field(name: str, kind: str, doc: str) -> mlc.Field:
    types = {
        "string": mlc.DataType.TEXT,
        "int32": mlc.DataType.INTEGER,
        "float64": mlc.DataType.FLOAT,
        "bool": mlc.DataType.BOOL,
        "image": mlc.DataType.IMAGE_OBJECT,
    }
    transforms = [mlc.Transform(json_path="bytes")] if kind == "image" else []
    return mlc.Field(
        id=f"{_RECORDS}/{name}",
        name=f"{_RECORDS}/{name}",
        description=doc,
        data_types=[types[kind.strip("[]")]],
        repeated=kind.startswith("["),
        source=mlc.Source(
            file_set="shards", extract=mlc.Extract(column=name), transforms=transforms
        ),
    )
