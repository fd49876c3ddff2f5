"""Plots of a release as PNG: those of StickerTAG and VSD2M, agreement and the filter's funnel."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator
from wordcloud import WordCloud

from pipeline.engine.fonts import MISSING_FONT, chinese_font
from pipeline.engine.text import one_line
from pipeline.release.figures import TRIGGER_WORDS, Figures, animation_frames
from pipeline.release.tally import ReleaseCounts, ranked, total

_TOP = 35
_CLOUD_WORDS = 200
_MOST_BARS = 30
_BLUE, _AMBER, _GREEN = "#3b6ea5", "#d9902f", "#3d9b6d"

Pairs = Sequence[tuple[str, int]]
Draw = Callable[[Axes], None]


def write_plots(
    folder: Path, tally: ReleaseCounts, figures: Figures, report: Callable[[str], None]
) -> list[str]:
    """Write the plots and return their names; those with nothing to show are left out."""
    folder.mkdir()
    font = chinese_font()
    clouds = dict(_clouds(tally))
    shown = [*clouds.values(), ranked(tally.statistics.trigger_words)[:TRIGGER_WORDS]]
    if font is None and any(not word.isascii() for words in shown for word, _ in words):
        report(MISSING_FONT)
    names = []
    for name, panels in _plots(tally, figures, font):
        _draw(folder / name, panels)
        names.append(name)
    for name, words in clouds.items():
        names += [name] * _cloud(folder / name, words, font)
    return sorted(names)


def _clouds(tally: ReleaseCounts) -> Iterator[tuple[str, Pairs]]:
    """StickerTAG, figure 2 a, and VSD2M, figure 3."""
    yield "tag_cloud.png", ranked(total(getattr(tally, tally.tag_column)))
    for language, found in tally.statistics.captions.items():
        yield f"caption_cloud_{language}.png", ranked(found.words)[:_CLOUD_WORDS]


def _plots(
    tally: ReleaseCounts, figures: Figures, font: Path | None
) -> Iterator[tuple[str, list[Draw]]]:
    tags = ranked(total(getattr(tally, tally.tag_column)))
    kind = "effective tags" if tally.tag_column == "tags" else "suggested tags (no votes)"
    if tags:
        title = f"Stickers per tag: the first {len(tags[:_TOP])} of {len(tags)} {kind}"
        yield "top_tags.png", [_words(tags[:_TOP], title, "stickers", font, "tag")]
        yield "long_tail.png", [lambda axes: _long_tail(axes, tags, kind)]
        yield (
            "tags_per_sticker.png",
            [
                _numbers(figures["tags"]["per_sticker"], f"{kind} of a sticker", "stickers"),
                _numbers(figures["tags"]["length_in_characters"], "characters of a tag", "tags"),
            ],
        )
    if triggers := list(figures["trigger_words"]["top"].items()):
        distinct = figures["trigger_words"]["distinct"]
        title = f"Trigger words: the first {len(triggers)} of {distinct}"
        yield "trigger_words.png", [_words(triggers, title, "stickers", font, "word")]
    captions = {name: found for name, found in figures["captions"].items() if found["texts"]}
    words = [
        _words(list(found["top_words"].items()), _words_title(name, found), "uses", font, "word")
        for name, found in captions.items()
        if found["top_words"]
    ]
    if words:
        yield "caption_words.png", words
    if captions:
        yield (
            "caption_lengths.png",
            [
                _numbers(found["lengths"], _length_title(name, found["mean_length"]), "captions")
                for name, found in captions.items()
            ],
        )
    if frames := animation_frames(tally):
        yield "frames.png", [lambda axes: _frames(axes, frames)]
    if figures["domains"]:
        yield "domains.png", [lambda axes: _domains(axes, figures)]
    for name, asked in figures.get("questions", {}).items():
        if any(count for _, count in asked["rows"]):
            yield f"answers_{name}.png", [_answers(asked, name, font)]
    if measured := [row for row in figures["agreement"] if "alpha" in row or "kappa" in row]:
        yield "agreement.png", [lambda axes: _agreement(axes, measured, font)]
    yield "funnel.png", [lambda axes: _funnel(axes, figures)]


def _draw(path: Path, panels: Sequence[Draw]) -> None:
    figure = Figure(figsize=(9 * len(panels), 6), dpi=100, layout="constrained")
    for number, draw in enumerate(panels, 1):
        draw(figure.add_subplot(1, len(panels), number))
    with warnings.catch_warnings():
        # Emoji in a tag are in no text font; an empty box in a plot is no news.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # matplotlib would stamp its version on the file.
        figure.savefig(path, format="png", metadata={"Software": None})


def _words(pairs: Pairs, title: str, unit: str, font: Path | None, what: str) -> Draw:
    """Horizontal bars, the most frequent word on top."""

    def draw(axes: Axes) -> None:
        labels = [_label(f"{what} {rank}", word, font) for rank, (word, _) in enumerate(pairs, 1)]
        axes.barh(range(len(pairs)), [count for _, count in pairs], color=_BLUE)
        _name_bars(axes, labels, font)
        axes.set_xlabel(unit)
        axes.set_title(title)

    return draw


def _name_bars(axes: Axes, labels: Sequence[str], font: Path | None) -> None:
    axes.set_yticks(range(len(labels)), labels)
    for text in axes.get_yticklabels():
        # Words come from the web: a dollar sign would start mathematics.
        text.set_parse_math(False)
        text.set_fontsize(8 if len(labels) > 20 else 10)
        if font is not None:
            text.set_fontproperties(FontProperties(fname=font, size=text.get_fontsize()))
    axes.invert_yaxis()


def _long_tail(axes: Axes, tags: Pairs, kind: str) -> None:
    axes.plot(range(1, len(tags) + 1), [count for _, count in tags], marker=".", color=_BLUE)
    axes.set_yscale("log")
    axes.set_xlabel(f"rank among {len(tags)} {kind}")
    axes.set_ylabel("stickers (log)")
    axes.set_title("The long tail: stickers per tag, by rank")


def _numbers(counts: dict[str, int], label: str, unit: str) -> Draw:
    """How often each number, in bins of equal width where there are many."""

    def draw(axes: Axes) -> None:
        numbers = {int(number): count for number, count in counts.items()}
        low, high = min(numbers, default=0), max(numbers, default=0)
        width = -(-(high - low + 1) // _MOST_BARS)
        bins = Counter[int]()
        for number, count in numbers.items():
            bins[(number - low) // width] += count
        places = range((high - low) // width + 1)
        axes.bar([low + (place + 0.5) * width - 0.5 for place in places],
                 [bins[place] for place in places], width=0.85 * width, color=_BLUE)  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(label)
        axes.set_ylabel(unit)

    return draw


def _frames(axes: Axes, frames: Counter[int]) -> None:
    edges = [2, 4, 8, 16, 32, 64, 128, 256, 512]
    counts = [
        sum(count for n, count in frames.items() if low <= n < high)
        for low, high in zip(edges, [*edges[1:], max(frames) + 513], strict=True)
    ]
    names = ["2-3", "4-7", "8-15", "16-31", "32-63", "64-127", "128-255", "256-511", "512+"]
    axes.bar(names, counts, color=_BLUE)
    axes.set_xlabel("frames")
    axes.set_ylabel("animations")
    axes.set_title("Frames per animation")


def _domains(axes: Axes, figures: Figures) -> None:
    names, rows = list(figures["domains"]), figures["rows"]
    counts = [figures["domains"][name] for name in names]
    bars = axes.barh([one_line(name, 24) for name in names], counts, color=_BLUE)
    axes.bar_label(bars, [f"{count / rows:.1%}" for count in counts], padding=4)
    axes.set_xlim(0, max(counts) * 1.1)
    axes.set_xlabel("stickers")
    axes.set_title("Real and cartoon")


def _answers(asked: Figures, name: str, font: Path | None) -> Draw:
    """Bars of the answers to a question, in the order in which people were shown them."""
    rows = asked["rows"][:_TOP]
    share = f"{asked['answered']:,} stickers with an answer"
    return _words(rows, f"{name}: {share}", "stickers", font, "answer")


def _agreement(axes: Axes, measured: Sequence[dict[str, object]], font: Path | None) -> None:
    """Alpha with its interval and kappa of each measure, then of the tags of most stickers."""
    labels, values, colours, errors = [], [], [], []
    for row in measured[:_TOP]:
        tag = row.get("tag")
        measure = " ".join(str(row[key]) for key in ("measure", "question") if key in row)
        name = measure if tag is None else _label("a tag", f"tag: {tag}", font)
        for kind, colour in (("alpha", _BLUE), ("kappa", _AMBER)):
            if (value := row.get(kind)) is not None:
                labels.append(f"{name}, {kind}")
                values.append(float(str(value)))
                colours.append(colour)
                ends = [float(str(row[end])) if kind == "alpha" and end in row else values[-1]
                        for end in ("low", "high")]  # fmt: skip
                errors.append((max(0.0, values[-1] - ends[0]), max(0.0, ends[1] - values[-1])))
    axes.barh(range(len(values)), values, color=colours, xerr=list(zip(*errors, strict=True)))
    _name_bars(axes, labels, font)
    axes.set_xlim(min(0.0, *values) - 0.05, 1.05)
    axes.set_title("Agreement between annotators (alpha with its 95% interval)")


def _funnel(axes: Axes, figures: Figures) -> None:
    """What became of what was fetched, and each rule with what people found of it."""
    funnel = figures["funnel"]
    audited = {result["rule"]: result["dropped"] for result in figures["audits"]}
    rules = funnel["rules"][: _TOP - 1]
    released = funnel["outcomes"].get("released", 0)
    bars = [("fetched", funnel["fetched"], _BLUE), ("released", released, _GREEN)]
    bars += [(f"left out: {one_line(row['rule'], 30)}", row["left_out"], _AMBER) for row in rules]
    drawn = axes.barh(range(len(bars)), [count for _, count, _ in bars],
                      color=[colour for *_, colour in bars])  # fmt: skip
    notes = ["", "", *(_audit_note(audited.get(row["rule"])) for row in rules)]
    told = [f"{count:,}{note}" for (_, count, _), note in zip(bars, notes, strict=True)]
    axes.bar_label(drawn, told, padding=4, fontsize=8)
    _name_bars(axes, [name for name, *_ in bars], None)
    axes.set_xlim(0, max(count for _, count, _ in bars) * 1.25 + 1)
    axes.set_xlabel("stickers; one can break several rules")
    axes.set_title("From what was fetched to the release")


def _audit_note(found: dict[str, float | None] | None) -> str:
    if found is None or found["share"] is None:
        return ""
    return f" (audited: {found['share']:.0%} rightly, {found['low']:.0%} to {found['high']:.0%})"


def _cloud(path: Path, words: Pairs, font: Path | None) -> bool:
    shown = {
        one_line(word, 24): count for word, count in words if font is not None or word.isascii()
    }
    shown = {word: count for word, count in shown.items() if word}
    if not shown:
        return False
    cloud = WordCloud(
        # Words are placed on a coarse grid, which is quick, and drawn twice as large.
        width=450,
        height=250,
        scale=2,
        background_color="white",
        font_path=None if font is None else str(font),
        max_words=_CLOUD_WORDS,
        random_state=0,
    )
    cloud.generate_from_frequencies(shown).to_image().save(path, format="PNG")
    return True


def _words_title(language: str, found: Figures) -> str:
    title = f"Words of captions ({language}): the first {len(found['top_words'])}"
    if not found["sampled"]:
        return title
    return f"{title}, in {found['cut_into_words']:,} of {found['texts']:,} captions"


def _length_title(language: str, mean: float) -> str:
    unit = "characters" if language == "zh" else "words"
    return f"{unit} of a caption ({language}); {mean:.1f} on average"


def _label(instead: str, word: str, font: Path | None) -> str:
    return one_line(word, 24) if font is not None or word.isascii() else instead
