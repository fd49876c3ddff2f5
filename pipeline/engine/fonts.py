"""A font with Chinese glyphs, for drawn stickers, plots and reports."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from pipeline.engine.file_digest import file_sha256

# In order of preference; the first two are what set-up installs on Debian and Ubuntu.
_NAMES = (
    "wqy-microhei.ttc",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "PingFang.ttc",
)
_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
)
MISSING_FONT = (
    "No font with Chinese glyphs was found: Chinese labels are left out. "
    "`sudo apt-get install fonts-wqy-microhei` adds one."
)


@cache
def chinese_font() -> Path | None:
    """File of a font that has Chinese glyphs; None when there is none (see MISSING_FONT)."""
    for folder in _FOLDERS:
        for name in _NAMES:
            found = sorted(folder.rglob(name)) if folder.is_dir() else []
            if found:
                return found[0]
    return _ask_fontconfig()


def font_digest() -> str:
    """sha256 of that font's file, which decides about the pixels of what is drawn; else none."""
    path = chinese_font()
    return "none" if path is None else file_sha256(path)


def _ask_fontconfig() -> Path | None:
    command = shutil.which("fc-match")
    if command is None:
        return None
    pattern = ["--format", "%{lang}\n%{file}", ":lang=zh-cn"]
    answer = subprocess.run([command, *pattern], capture_output=True, check=False)
    languages, _, file = os.fsdecode(answer.stdout).partition("\n")
    # fc-match always names some font, also one without the glyphs that were asked for.
    return Path(file) if "zh-cn" in languages.split("|") and Path(file).is_file() else None
