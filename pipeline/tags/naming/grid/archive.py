"""The parts of .xlsx and .ods files, which are zip archives of XML, read within bounds."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from lxml import etree

from pipeline.tags.naming.grid.cells import MOST_ELEMENTS, MOST_UNPACKED, UnreadableError

_MOST_PARTS = 20_000
# Others unpack into as much memory as the file asks for.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE_AGAIN = "Open it in a spreadsheet program and save it again as .xlsx"
DAMAGED = "the file is damaged"


class Archive:
    """Names and XML of an archive's parts; UnreadableError where it isn't a sound one."""

    def __init__(self, data: bytes) -> None:
        if data.startswith(_OLE):
            raise UnreadableError(
                "it is protected by a password, or saved in Excel's format from before 2007",
                "Take the password off, or save it as .xlsx",
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            infos = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise UnreadableError(f"{DAMAGED}: it is no zip archive", _SAVE_AGAIN) from error
        if len(infos) > _MOST_PARTS:
            raise UnreadableError(f"it has {len(infos):,} parts", _SAVE_AGAIN)
        if any(info.flag_bits & 1 for info in infos):
            raise UnreadableError("it is protected by a password", "Save it without one")
        if any(info.compress_type not in _PACKINGS for info in infos):
            raise UnreadableError("it is packed as no spreadsheet program does it", _SAVE_AGAIN)
        self._sizes = {info.filename: info.file_size for info in infos}
        self._room, self._elements = MOST_UNPACKED, MOST_ELEMENTS

    def has(self, name: str) -> bool:
        """Whether there is a part of that name."""
        return name in self._sizes

    def read(self, name: str) -> bytes:
        """The bytes of a part; UnreadableError where all that was read would be too much."""
        self._room -= self._sizes.get(name, 0)
        if self._room < 0:
            raise UnreadableError(
                f"unpacked, what is read of it takes more than {MOST_UNPACKED / 1e6:,.0f} MB",
                "Take out rows and sheets that don't belong to it",
            )
        try:
            return self._zip.read(name)
        except KeyError as error:
            raise UnreadableError(f"{DAMAGED}: it has no part {name}", _SAVE_AGAIN) from error
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError,
                RuntimeError, ValueError) as error:  # fmt: skip
            raise UnreadableError(f"{DAMAGED}: {name} can't be unpacked", _SAVE_AGAIN) from error

    def events(self, name: str) -> Iterator[tuple[str, Any]]:
        """Starts and ends of a part's XML elements, in order.

        Nothing outside is looked up, no entity is put in, and a document type is refused.
        """
        data = self.read(name)
        parsed = etree.iterparse(
            io.BytesIO(data),
            events=("start", "end"),
            load_dtd=False,
            no_network=True,
            resolve_entities=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        first = True
        try:
            for event, element in parsed:
                if first and element.getroottree().docinfo.doctype:
                    raise UnreadableError(f"{name} in it declares a document type", _SAVE_AGAIN)
                first = False
                self._elements -= event == "start"
                if self._elements < 0:
                    raise UnreadableError(
                        f"it has more than {MOST_ELEMENTS:,} elements",
                        "Take out rows and sheets that don't belong to it",
                    )
                yield event, element
        except etree.XMLSyntaxError as error:
            raise UnreadableError(f"{DAMAGED}: {name} is no sound XML", _SAVE_AGAIN) from error


def forget(element: Any) -> None:
    """Let go of an element that was read, and of those before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def local_name(element: Any) -> str:
    """An element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str | None:
    """An attribute by its name without a namespace."""
    plain = element.get(name)
    if plain is not None:
        return str(plain)
    return next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == name), None)
