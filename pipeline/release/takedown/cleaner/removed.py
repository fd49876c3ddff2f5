"""Files that were removed, as texts beside them call them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

# Which folder the texts of MET-MEME are about: names there are those of files alone.
_ABOUT = {
    "label_E.csv": "Eimages",
    "E_text.csv": "Eimages",
    "label_C.csv": "Cimages",
    "C_text.csv": "Cimages",
}
_JOINING = "_-/?&=%#"


class RemovedFiles:
    """Paths of files that were removed, below a folder, and of those that are left there.

    A text names one by its path, or by the end of it that no other file shares; where others do,
    by that and the folder before it, as in ``{"topic": "T1", "file_name": "1.png"}``.
    """

    def __init__(self, removed: Collection[str] = (), left: Collection[str] = ()) -> None:
        self._paths = frozenset(removed)
        self._ends: dict[str, set[str]] = {}
        for path in removed:
            for before, end in _path_ends(path):
                self._ends.setdefault(end, set()).add(before)
        ends = (end for path in left if path not in self._paths for _, end in _path_ends(path))
        self._shared = {end for end in ends if end in self._ends}
        self._names = {path.rpartition("/")[2] for path in removed}

    def may_be_in(self, text: str) -> bool:
        """Whether a text holds the bare name of any."""
        return any(name in text for name in self._names)

    def is_called(self, value: str, beside: Collection[str] = ()) -> bool:
        """Whether a value names one, with those ``beside`` it."""
        if not self._ends:
            return False
        path = value.strip().replace("\\", "/").removeprefix("./")
        if "/" in path and any("/" in end and end in self._paths for _, end in _path_ends(path)):
            return True
        folders = self._ends.get(path, set())
        return bool(folders) and (path not in self._shared or bool(folders & {*beside} - {""}))

    def is_told(self, line: str) -> bool:
        """Whether a line of text names one."""
        if not self.may_be_in(line):
            return False
        sure = (end for end in self._ends if end in self._paths or end not in self._shared)
        return any(stands_in(line, end, after="" if end in self._paths else "/") for end in sure)


def folder_of(name: str) -> str | None:
    """The folder whose files a text of that name lists, where its rows don't say."""
    return _ABOUT.get(name.rpartition("/")[2])


def stands_in(line: str, words: str, after: str = "") -> bool:
    """Whether words stand in a line, and not as a part of longer ones; nor ``after`` a sign."""
    start = line.find(words)
    while start >= 0:
        end = start + len(words)
        before, follow = line[start - 1 : start] if start else "", line[end : end + 2]
        joined = _joins(before, words[:1], "_-" + after) or _joins(follow[:1], words[-1:], _JOINING)
        if not (joined or (follow[:1] == "." and follow[1:].isalnum())):
            return True
        start = line.find(words, start + 1)
    return False


def _joins(sign: str, edge: str, joining: str) -> bool:
    """Whether a sign belongs to the word that it stands beside."""
    letters = sign.isascii() and sign.isalnum() and edge.isascii()
    return bool(sign) and (letters or sign in joining)


def _path_ends(path: str) -> Iterator[tuple[str, str]]:
    """The ends of a path, each with the name of the folder before it."""
    parts = path.split("/")
    for start in range(len(parts)):
        yield (parts[start - 1] if start else "", "/".join(parts[start:]))
