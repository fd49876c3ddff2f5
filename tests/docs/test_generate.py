"""The reference pages in docs are those that the schemas give now."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["tables", "configuration"])
def test_the_reference_pages_are_current(page):
    generate = runpy.run_path(str(DOCS / "generate.py"))
    expected = generate[f"{page}_page"]()
    assert (DOCS / f"{page}.md").read_text(encoding="utf-8") == expected, (
        "run `python docs/generate.py`"
    )
