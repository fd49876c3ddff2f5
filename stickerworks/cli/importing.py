"""What `stickerworks import` does."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.paths import named_path
from pipeline.engine.text import quoted
from stickerworks.cli.display import say_size
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.update import say_what_follows

if TYPE_CHECKING:
    from crawlers.local.datasets import Imported, Terms
    from pipeline.datasets.layout import Layout
    from pipeline.datasets.problems import Problem

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOLD = 10


@dataclass(frozen=True)
class Wanted:
    """What to import, as typed."""

    format: str
    folder: Path
    name: str | None
    columns: str | None
    licence: str | None
    licence_url: str | None
    redistribute: bool


def import_command(options: CommandOptions, wanted: Wanted) -> int:
    """Import a data set; 3 when some of its rows brought no sticker."""
    folder = _folder(wanted)
    layout, terms = _layout(wanted, folder), _terms(wanted)
    name = _name(wanted, folder)
    with open_session("import", options) as session:
        if options.dry_run:
            _say_plan(session, layout, folder, name)
        else:
            _import(session, layout, folder, name, terms)
    return session.exit_code


def _layout(wanted: Wanted, folder: Path) -> Layout:
    from pipeline.datasets.column_map import read_mapping
    from pipeline.datasets.image_tables import COLUMNS_FILE, HF, VSD2M, image_tables
    from pipeline.datasets.layout import Layout
    from pipeline.engine.plugins import load_plugin, plugin_faults

    if wanted.columns is not None:
        if wanted.format != HF.name:
            raise StickerworksError(
                f"--map is for {HF.name}; {wanted.format} has columns of its own.",
                f"Leave it out, or import as {HF.name}.",
            )
        columns = read_mapping(wanted.columns)
        return image_tables(HF.name, lambda path: columns)
    if wanted.format == HF.name and not (folder / COLUMNS_FILE).is_file():
        raise StickerworksError(
            "Nobody knows which columns of that data set hold what.",
            f"Say it with --map image=COLUMN,tags=COLUMN,..., or in a file {COLUMNS_FILE} beside "
            "its files.",
        )
    if wanted.format in (HF.name, VSD2M.name):
        return HF if wanted.format == HF.name else VSD2M
    layout = load_plugin("layouts", wanted.format, Layout)
    with plugin_faults("layouts", layout.name, f"on {folder}"):
        recognised = layout.recognises(folder)
    if not recognised:
        raise StickerworksError(
            f"{quoted(str(folder), 300)} isn't laid out as {layout.name} is.",
            "Name the folder that holds the data set as it is published.",
        )
    return layout


def _folder(wanted: Wanted) -> Path:
    folder = named_path(wanted.folder, "import PATH").absolute()
    if not folder.is_dir():
        raise StickerworksError(
            f"There is no folder {quoted(str(folder), 300)}.", "Name the data set's folder."
        )
    return folder


def _terms(wanted: Wanted) -> Terms:
    from crawlers.local.datasets import Terms

    licence = (wanted.licence or "").strip() or None
    if wanted.redistribute and licence is None:
        raise StickerworksError(
            "--redistribute says that a licence lets a release carry the bytes, and none is named.",
            "Name it: --licence NAME, and --licence-url ADDRESS where it is stated.",
        )
    return Terms(licence, wanted.licence_url, wanted.redistribute)


def _name(wanted: Wanted, folder: Path) -> str:
    own = wanted.format in ("ser30k", "met_meme", "sticker820k")
    name = wanted.name or (wanted.format if own else folder.name)
    if wanted.name is None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[:100] or wanted.format
    if not _NAME.fullmatch(name):
        raise StickerworksError(
            f"{quoted(name)} can't be the name of a data set.",
            "Use --name with at most 100 letters, digits, dots, dashes and underscores.",
        )
    return name


def _import(session: Session, layout: Layout, folder: Path, name: str, terms: Terms) -> None:
    from crawlers.local.datasets import import_rows
    from pipeline.datasets.layout import read_every, read_problems

    session.say(f"  {'import':<12} {name}: reading {quoted(str(folder), 300)}")
    path = session.workspace.root / "crawl" / f"import-{name}.jsonl"
    with _Problems(path) as problems:
        for each in read_problems(layout, folder):
            problems.add(each)
        with session.part("import") as logged:
            before = problems.mark()

            def take() -> Imported:
                problems.go_back(before)
                rows = read_every(layout, folder)
                config = session.config.crawl
                return import_rows(
                    session.workspace, config, name, rows, terms, session.tell, problems.tell
                )

            found = session.mending(take)
            logged.update(rows=found.rows, stickers=found.stickers)
        problems.keep()
    left_out = problems.left_out
    _say(session, name, found, left_out)
    for line in problems.first:
        session.say(f"  {'':<12} {line}")
    if problems.count > len(problems.first):
        more = problems.count - len(problems.first)
        session.say(f"  {'':<12} and {more:,} more, in {path}")
    _say_terms(session, terms, found)
    session.incomplete = bool(left_out or found.failed)
    session.results["import"] = {
        "dataset": name,
        "rows": found.rows + left_out,
        **{key: value for key, value in asdict(found).items() if key != "rows"},
        "left_out": left_out,
        "problems": problems.count,
        "first_problems": problems.first,
    }
    if session.workspace.parts:
        say_what_follows(session)


class _Problems:
    """Cells and rows that can't be taken, each a JSON object in a file ``path`` as it comes.

    In memory are their ``count``, the ``first`` ones as lines, and how many rows were ``left_out``.
    """

    def __init__(self, path: Path) -> None:
        self.count, self.left_out = 0, 0
        self.first: list[str] = []
        self._path, self._row = path, ("", 0)

    def __enter__(self) -> _Problems:
        with disk_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._path.parent)
        return self

    def __exit__(self, *ended: object) -> None:
        self._file.close()

    def add(self, problem: Problem) -> None:
        # All that is wrong with a row comes at once.
        if problem.left_out and self._row != (problem.file, problem.row):
            self._row = (problem.file, problem.row)
            self.left_out += 1
        self._write(str(problem), asdict(problem))

    def tell(self, line: str) -> None:
        self._write(line, {"row": line})

    def mark(self) -> tuple[int, int]:
        """Where it has come to, for ``go_back``."""
        return self.count, self._file.tell()

    def go_back(self, mark: tuple[int, int]) -> None:
        """Forget what came behind a mark: the work that told it begins anew."""
        self.count, end = mark
        del self.first[self.count :]
        self._file.seek(end)
        self._file.truncate()

    def keep(self) -> None:
        """Put the file at its place, whole."""
        self._file.seek(0)
        with (
            atomic_file(self._path, lasting=False) as temporary,
            temporary.open("wb") as file,
        ):
            shutil.copyfileobj(self._file, file)

    def _write(self, line: str, told: dict[str, Any]) -> None:
        self.count += 1
        if len(self.first) < _TOLD:
            self.first.append(line)
        with disk_errors(self._path):
            self._file.write(
                json.dumps(told, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
            )


def _say(session: Session, name: str, found: Imported, left_out: int) -> None:
    failed = "".join(f", {reason} {count:,}" for reason, count in found.failed.items())
    missing = sum(found.failed.values()) + left_out
    session.say(
        f"  {'import':<12} {name}: {found.rows + left_out:,} rows = {found.stickers:,} stickers + "
        f"{found.same_bytes:,} with the same bytes + {missing:,} without a sticker"
        + (f" (left out {left_out:,}{failed})" if missing else "")
    )
    session.say(
        f"  {'':<12} {found.new_stickers:,} stickers are new ({say_size(found.new_bytes)})"
        + (f"; {found.gone:,} rows of an earlier import are there no more" if found.gone else "")
    )
    if found.in_several_splits:
        session.say(
            f"  {'':<12} {found.in_several_splits:,} stickers have the same bytes in several of "
            "its splits; they go to the one nearest to training"
        )


def _say_terms(session: Session, terms: Terms, found: Imported) -> None:
    if found.own_licence:
        most = "".join(f", {quoted(name)} {rows:,}" for name, rows in found.own_licences.items())
        session.say(
            f"  {'':<12} {found.own_licence:,} rows state a licence of their own, which they keep"
            f"{most}"
        )
    others = " where a row states none" if found.own_licence else ""
    if terms.redistribute:
        session.say(
            f"  {'':<12} Releases will carry these bytes, as {quoted(terms.licence)}{others}: "
            "you said so."
        )
    else:
        session.say(
            f"  {'':<12} NO BYTES of this data set go into a release: metadata alone. "
            "--licence NAME --redistribute says that they may."
        )


def _say_plan(session: Session, layout: Layout, folder: Path, name: str) -> None:
    from pipeline.datasets.layout import read_every

    rows = sum(1 for _ in read_every(layout, folder))
    session.results["import"] = {"dataset": name, "rows": rows}
    session.say(f"  {'import':<12} would take in {rows:,} rows as {name}")
