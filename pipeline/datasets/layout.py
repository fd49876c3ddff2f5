"""Layouts of data sets on disk: a release's, and others that baselines can learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import load_plugin, plugin_faults, plugin_names


@dataclass(frozen=True)
class Row:
    """One sticker: its file's bytes (None where there are none), what to learn, and its texts.

    ``targets`` are ``voted`` by people or else suggested; ``texts`` maps column names to text,
    empty ones left out. ``problem`` says why there are no bytes.
    """

    id: str
    data: bytes | None
    targets: frozenset[str]
    texts: Mapping[str, str]
    voted: bool = True
    simulated: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class Layout:
    """A value in the group ``stickerworks.layouts``.

    ``recognises`` looks at a folder's names alone. ``rows`` streams the rows of the split
    ``train``, ``validation`` or ``test``, in the same order every time; ``notes`` are for people
    and say what of the folder was passed over. ``classes`` are all targets in the order that
    published models number them; empty when the rows of train decide.
    """

    name: str
    recognises: Callable[[Path], bool]
    rows: Callable[[Path, str], Iterator[Row]]
    notes: Callable[[Path, str], tuple[str, ...]] = lambda path, split: ()
    classes: tuple[str, ...] = ()


def read_rows(layout: Layout, path: Path, split: str) -> Iterator[Row]:
    """Rows of a split; what a layout raises is told as its fault."""
    with plugin_faults("layouts", layout.name, f"on the split {split} of {path}"):
        yield from layout.rows(path, split)


def find_layout(path: Path) -> Layout:
    """The layout of the data set at ``path``; raises StickerworksError when it has none."""
    names = plugin_names("layouts")
    # The release first: it is what nearly everybody trains on.
    for name in sorted(names, key=lambda name: (name != "release", name)):
        layout = load_plugin("layouts", name, Layout)
        with plugin_faults("layouts", name, f"on {path}"):
            recognised = layout.recognises(path)
        if recognised:
            return layout
    raise StickerworksError(
        f"There is no release at {path}.",
        "Run `stickerworks release` first, or name an existing folder with --release "
        f"(layouts that are known: {', '.join(names)}).",
    )
