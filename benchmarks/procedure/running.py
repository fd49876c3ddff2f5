"""A folder with drawn stickers, a configuration and a workspace, and commands run on it."""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.workspace import Workspace
from pipeline.tags.keywords import keywords_of
from procedure.collection import draw_folder, topical_keywords


@dataclass(frozen=True)
class Place:
    """A folder, and the name of one of the workspaces in it."""

    folder: Path
    name: str = "workspace"

    @property
    def root(self) -> Path:
        return self.folder / self.name

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root)

    def command(self, *words: str) -> None:
        """Run a command of stickerworks and show what it says; SystemExit where it fails."""
        program = [sys.executable, "-m", "stickerworks", "--workspace", str(self.root)]
        config = self.folder / "stickerworks.yaml"
        done = subprocess.run(
            [*program, "--config", str(config), *words],
            check=False,
            text=True,
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        print(f"$ stickerworks {' '.join(words)}\n{done.stdout}", flush=True)
        if done.returncode:
            raise SystemExit(f"`{' '.join(words)}` failed")


def draw_place(folder: Path, keywords: list[str], clusters: int | None, port: int) -> Place:
    """Draw stickers that carry the keywords, and write a configuration that crawls them."""
    draw_folder(folder / "stickers", keywords)
    source = {"source": "folder", "options": {"path": str(folder / "stickers")}}
    config = {
        "crawl": {"sources": [source]},
        "filter": {"rules": {"ocr_length": {"max": None}}},
        "tags": {"clusters": clusters},
        "label": {"port": port},
        "release": {"name": "procedure"},
    }
    (folder / "stickerworks.yaml").write_text(json.dumps(config), encoding="utf-8")
    return Place(folder)


def named_keywords(options: argparse.Namespace) -> list[str]:
    """The keywords that the options name: of a TSV of captions, or made ones."""
    if options.captions is None:
        return topical_keywords(options.keywords, options.tags)
    with options.captions.open(encoding="utf-8", newline="") as file:
        titles = [row["caption"] for row in csv.DictReader(file, delimiter="\t")]
    return sorted({k for title in titles for k in keywords_of(None, None, title)})
