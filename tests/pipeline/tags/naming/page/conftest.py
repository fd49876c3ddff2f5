"""Workspaces with proposals, and a browser for the pages that ask about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from decided_stickers import still
from headless import headless_browser
from table_rows import put

from pipeline.engine.workspace import Workspace

Clusters = Mapping[str, Sequence[str]]
Propose = Callable[..., Workspace]

VERSION = "0123456789ab"


@pytest.fixture
def propose(tmp_path: Path) -> Propose:
    """Build a workspace from the keywords of each key: each keyword is carried by ``each``
    stickers, and its words are its characters."""

    def build(clusters: Clusters, each: int = 1, **changes: Any) -> Workspace:
        workspace = Workspace(tmp_path / "stickers")
        pairs = [(key, keyword) for key, keywords in clusters.items() for keyword in keywords]
        carried = [(name(keyword, n), keyword) for _, keyword in pairs for n in range(each)]
        half = len(carried) // 2
        for part, some in enumerate((carried[:half], carried[half:])):
            _stickers(workspace, part, some)
        put(workspace, "clusters", [{"keyword": text, "key": key} for key, text in pairs])
        texts = sorted({text for _, text in pairs})
        rows = [{"keyword": text, "tokens": list(text), "stickers": each} for text in texts]
        put(workspace, "keywords", rows)
        proposals = [_proposal(key, keywords, each, changes) for key, keywords in clusters.items()]
        put(workspace, "proposals", proposals)
        return workspace

    return build


def name(keyword: str, number: int) -> str:
    """The id of a keyword's sticker of that number."""
    return hashlib.sha256(f"{keyword} {number}".encode()).hexdigest()


def _stickers(workspace: Workspace, part: int, carried: Sequence[tuple[str, str]]) -> None:
    ids = [{"id": id_} for id_, _ in carried]
    tables: dict[str, Callable[[int, str], dict[str, Any]]] = {
        "stickers": lambda n, text: {},
        "decisions": lambda n, text: {"kept": True, "outcome": "kept"},
        "observations": lambda n, text: {"query": text, "source": "s", "source_id": str(n)},
        "signals": lambda n, text: {"animated": False},
        "reviews": lambda n, text: {"flagged": False},
        "media": lambda n, text: {"path": f"files/{n}"},
        "frames": lambda n, text: {"key_frames": [{"index": 0, "jpeg": still(n)}]},
    }
    for table, row in tables.items():
        rows = [one | row(n, carried[n][1]) for n, one in enumerate(ids)]
        put(workspace, table, rows, part)


def _proposal(
    key: str, keywords: Sequence[str], each: int, changes: Mapping[str, Any]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": key, "tag": key if key.startswith("t") else None, "name": keywords[0],
        "clusters": [int(key[1:])], "aliases": [], "terms": list(keywords[0])[:4],
        "exemplars": list(keywords[:5]), "keywords": len(keywords),
        "stickers": each * len(keywords), "flags": [], "version": VERSION,
    }  # fmt: skip
    row.update(changes.get(key, {}))
    return row


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A browser, and the folder that it saves files into."""
    folder = tmp_path_factory.mktemp("downloads")
    with headless_browser(folder) as browser:
        browser.set_window_size(1300, 900)
        yield browser, folder
