"""Write the reference pages of every table and every configuration key from schemas.

python docs/generate.py            # rewrites docs/tables.md and docs/configuration.md
"""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from crawlers.source import Source
from schemas.config import Config
from schemas.tables import TABLES, Table

DOCS = Path(__file__).parent
_TABLE = ["| key | default | what |", "| --- | --- | --- |"]
_SCOPES = {
    "sticker": "one row a sticker, in shards",
    "detail": "any number of rows a sticker, in shards",
    "global": "one file, `NAME.parquet`",
}


def tables_page() -> str:
    """The page of every table's columns, in Markdown."""
    head = "# Tables\n\nGenerated from `schemas/tables.py` by `python docs/generate.py`.\n"
    return "\n".join([head, *(_table_section(table) for table in TABLES.values())])


def configuration_page() -> str:
    """The page of every configuration key with its default, in Markdown."""
    lines = [
        "# Configuration",
        "",
        "Generated from `schemas/config.py` by `python docs/generate.py`. Keys go into",
        "`stickerworks.yaml` or behind `--set`, as in `--set filter.rules.aspect.max=2`.",
        "",
        "The file is the one of `--config`, else the workspace's own where `--workspace` names",
        "one, else the current folder's. `--set` holds for one command; `--keep` keeps it in the",
        "workspace. Programs (`label.server`) count from `--set` and `--config` alone, and servers",
        "that get a key (`label.url`, addresses in `annotate.options`) from no workspace's file.",
    ]
    lines += _section(Config, "")
    lines += ["", "## Options of sources", "", "They stand in `crawl.sources[].options`."]
    for name, source in sorted(_sources().items()):
        lines += ["", f"### {name}", "", source.title + ".", "", *_TABLE]
        lines += [_row(key, field) for key, field in source.options.model_fields.items()]
    return "\n".join(lines) + "\n"


def _sources() -> dict[str, Source]:
    """Our own sources, which may have no options."""
    points = entry_points(group="stickerworks.sources")
    ours = (point for point in points if point.value.startswith("crawlers."))
    return {point.name: point.load() for point in ours}


def _table_section(table: Table) -> str:
    scope = _SCOPES[table.scope].replace("NAME", table.name)
    lines = [
        f"## {table.name}",
        "",
        f"{table.doc} Written by `stickerworks {table.command}`; {scope}.",
        "",
        "| column | type | what |",
        "| --- | --- | --- |",
    ]
    for field in table.schema:
        doc = field.metadata[b"doc"].decode().replace("|", "\\|")
        lines.append(f"| {field.name} | `{field.type}` | {doc} |")
    return "\n".join(lines) + "\n"


def _section(section: type[BaseModel], prefix: str) -> list[str]:
    plain = {n: f for n, f in section.model_fields.items() if not _inner(f)}
    lines = ["", f"## {prefix or 'Top level'}", ""]
    if prefix:
        lines += [(section.__doc__ or "").strip(), ""]
    if plain:
        lines += _TABLE
        lines += [_row(f"{prefix}.{n}" if prefix else n, f) for n, f in plain.items()]
    for name, field in section.model_fields.items():
        inner = _inner(field)
        if inner is not None:
            lines += _section(inner, f"{prefix}.{name}" if prefix else name)
        for outer, item in _items(field):
            lines += _section(item, f"{prefix}.{name}{outer}")
    return lines


def _items(field: FieldInfo) -> list[tuple[str, type[BaseModel]]]:
    """The section that a list or a mapping holds many of, and how its keys are written."""
    outer = {list: "[]", dict: ".NAME"}.get(get_origin(field.annotation) or object)
    kinds = [kind for kind in get_args(field.annotation) if isinstance(kind, type)]
    sections = [kind for kind in kinds if issubclass(kind, BaseModel)]
    return [(outer, kind) for kind in sections] if outer else []


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _row(key: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required():
        text = "required"
    else:
        text = f"`{json.dumps(default, default=_plain, ensure_ascii=False)}`"
    return f"| {key} | {text.replace('|', chr(92) + '|')} | {field.description or ''} |"


def _plain(value: BaseModel) -> object:
    return value.model_dump(mode="json", exclude_defaults=True)


def main() -> None:
    """Rewrite both pages."""
    (DOCS / "tables.md").write_text(tables_page(), encoding="utf-8")
    (DOCS / "configuration.md").write_text(configuration_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
