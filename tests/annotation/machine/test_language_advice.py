"""Chinese first, where the stickers speak Chinese."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from annotation.machine.language_advice import advise_languages
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES

ZH, EN, JA = "早上好", "good morning", "おはよう世界"


@pytest.mark.parametrize(
    ("texts", "languages", "advised"),
    [
        ([ZH] * 10 + [EN] * 2, ("en", "zh"), True),
        ([ZH] * 12, ("en",), True),
        ([ZH] * 12, ("zh", "en"), False),
        ([EN] * 12, ("en", "zh"), False),
        ([JA] * 12, ("en", "zh"), False),
        ([ZH] * 3, ("en", "zh"), False),
        ([ZH] * 3 + ["", None, "!!", "123"] * 5, ("en", "zh"), False),
    ],
)
def test_advice(
    tmp_path: Path, texts: list[str | None], languages: tuple[str, ...], advised: bool
) -> None:
    workspace = Workspace(tmp_path)
    ids = [f"{number:064x}" for number in range(len(texts))]
    rows = {
        "stickers": [{"id": key, "format": "gif", "nbytes": 1} for key in ids],
        "ocr": [
            {"id": key, "measured": True, "text": text}
            for key, text in zip(ids, texts, strict=True)
        ],
    }
    for name, found in rows.items():
        table = pa.Table.from_pylist(found, schema=TABLES[name].schema)
        workspace.write(name, 0, table, Proof("test", "test"))
    config = Config.model_validate({"annotate": {"languages": languages}})
    assert (advise_languages(workspace, config) is not None) == advised
