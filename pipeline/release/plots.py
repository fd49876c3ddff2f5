"""Plots of a release, as PNG: long tail, word cloud, tags per sticker, frames."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from wordcloud import WordCloud

from pipeline.engine.fonts import MISSING_FONT, chinese_font
from pipeline.engine.text import one_line
from pipeline.release.tally import ReleaseCounts, ranked, total

_TOP = 35
_CLOUD_TAGS = 200
_BLUE = "#3b6ea5"


def write_plots(folder: Path, tally: ReleaseCounts, report: Callable[[str], None]) -> list[str]:
    """Write the plots and return their names; those with nothing to show are left out."""
    folder.mkdir()
    tags = ranked(total(getattr(tally, tally.tag_column)))
    kind = "effective tags" if tally.tag_column == "tags" else "suggested tags (no votes)"
    per_sticker = getattr(tally, f"{tally.tag_column}_per_sticker")
    font = chinese_font()
    if font is None and any(not text.isascii() for text, _ in tags):
        report(MISSING_FONT)
    names = []
    if tags:
        _draw(folder / "top_tags.png", lambda axes: _top_tags(axes, tags, kind, font), height=8)
        _draw(folder / "long_tail.png", lambda axes: _long_tail(axes, tags, kind))
        _draw(
            folder / "tags_per_sticker.png", lambda axes: _tags_per_sticker(axes, per_sticker, kind)
        )
        names += ["long_tail.png", "top_tags.png", "tags_per_sticker.png"]
        names += ["tag_cloud.png"] * _cloud(folder / "tag_cloud.png", tags, font)
    frames = Counter({int(n): count for n, count in tally.frames.items() if n != "unknown"})
    if frames:
        _draw(folder / "frames.png", lambda axes: _frames(axes, frames))
        names.append("frames.png")
    return names


def _draw(path: Path, draw: Callable[[Axes], None], height: float = 5) -> None:
    figure = Figure(figsize=(9, height), dpi=100, layout="constrained")
    draw(figure.add_subplot())
    with warnings.catch_warnings():
        # Emoji in a tag are in no text font; an empty box in a plot is no news.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # matplotlib would stamp its version on the file.
        figure.savefig(path, format="png", metadata={"Software": None})


def _top_tags(axes: Axes, tags: list[tuple[str, int]], kind: str, font: Path | None) -> None:
    shown = tags[:_TOP]
    labels = [_label(rank, tag, font) for rank, (tag, _) in enumerate(shown, 1)]
    axes.barh(range(len(shown)), [count for _, count in shown], color=_BLUE)
    axes.set_yticks(range(len(shown)), labels)
    for text in axes.get_yticklabels():
        # Tags come from the web: a dollar sign would start mathematics.
        text.set_parse_math(False)
        if font is not None:
            text.set_fontproperties(FontProperties(fname=font))
    axes.invert_yaxis()
    axes.set_xlabel("stickers")
    axes.set_title(f"Stickers per tag: the first {len(shown)} of {len(tags)} {kind}")


def _long_tail(axes: Axes, tags: list[tuple[str, int]], kind: str) -> None:
    axes.plot(range(1, len(tags) + 1), [count for _, count in tags], marker=".", color=_BLUE)
    axes.set_yscale("log")
    axes.set_xlabel(f"rank among {len(tags)} {kind}")
    axes.set_ylabel("stickers (log)")
    axes.set_title("The long tail: stickers per tag, by rank")


def _tags_per_sticker(axes: Axes, counts: Counter[str], kind: str) -> None:
    numbers = sorted(int(number) for number in counts)
    axes.bar([str(n) for n in numbers], [counts[str(n)] for n in numbers], color=_BLUE)
    axes.set_xlabel(f"{kind} of a sticker")
    axes.set_ylabel("stickers")
    axes.set_title("Tags per sticker")


def _frames(axes: Axes, frames: Counter[int]) -> None:
    edges = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    counts = [
        sum(count for n, count in frames.items() if low <= n < high)
        for low, high in zip(edges, [*edges[1:], max(frames) + 513], strict=True)
    ]
    names = ["1", "2-3", "4-7", "8-15", "16-31", "32-63", "64-127", "128-255", "256-511", "512+"]
    axes.bar(names, counts, color=_BLUE)
    axes.set_xlabel("frames")
    axes.set_ylabel("stickers")
    axes.set_title("Frames per sticker")


def _cloud(path: Path, tags: list[tuple[str, int]], font: Path | None) -> bool:
    words = {one_line(tag, 24): count for tag, count in tags if font is not None or tag.isascii()}
    words = {word: count for word, count in words.items() if word}
    if not words:
        return False
    cloud = WordCloud(
        width=900,
        height=500,
        background_color="white",
        font_path=None if font is None else str(font),
        max_words=_CLOUD_TAGS,
        random_state=0,
    )
    cloud.generate_from_frequencies(words).to_image().save(path, format="PNG")
    return True


def _label(rank: int, tag: str, font: Path | None) -> str:
    return one_line(tag, 24) if font is not None or tag.isascii() else f"tag {rank}"
