"""How errors are told: one line, with what to do about it where that is known."""

from __future__ import annotations

import errno
import resource

from pipeline.engine.errors import StickerworksError, full_disk

_DENIED = "Change its owner or permissions, or choose another --workspace."
_SYSTEM = {
    errno.EACCES: ("No permission for {file}.", _DENIED),
    errno.EPERM: ("No permission for {file}.", _DENIED),
    errno.EROFS: ("{file} can't be written: its disk is read-only.", "Choose another --workspace."),
    errno.EMFILE: ("No more files can be opened: the limit is {limit}.", "Run `ulimit -n 4096`."),
    errno.ENFILE: ("This machine has no more files to open.", "End some programs."),
    errno.ENAMETOOLONG: ("The file system can't take so long a name: {file}.", "Shorten it."),
    errno.ELOOP: ("The links at {file} lead round in a ring.", "Mend them."),
    errno.ENOTDIR: ("{file} needs a folder where there is a file.", "Move that file away."),
    errno.EISDIR: ("{file} is a folder, where a file is needed.", "Move it away."),
    errno.EEXIST: ("{file} is there already, as something else.", "Move it away."),
    errno.ENOENT: ("{file} is not there.", "Run the same command again; --debug shows more."),
    errno.EIO: ("The disk failed at {file}.", "Check the disk; `dmesg` may say more."),
    errno.ENOMEM: ("The memory ran out.", "Set engine.workers to a smaller number."),
}


def explain(error: Exception) -> str:
    """The line for people of whatever ended a command."""
    known = _known(error)
    if known is not None:
        return f"error: {known}"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"error: this is a fault of stickerworks: {what} (--debug shows where)"


def _known(error: Exception) -> StickerworksError | None:
    if isinstance(error, StickerworksError):
        return error
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, MemoryError):
        return StickerworksError(*_SYSTEM[errno.ENOMEM])
    if isinstance(error, UnicodeEncodeError) and _is_surrogate(error):
        return StickerworksError(
            f"A name or text is no valid Unicode: {ascii(error.object)[:200]}.",
            "Rename the file, or correct the text.",
        )
    return None


def _system(error: OSError) -> StickerworksError | None:
    """What the operating system refused; its reasons lie with the machine, not in our code."""
    file = error.filename if error.filename is not None else "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return full_disk(file)
    if error.errno not in _SYSTEM or (error.errno == errno.ENOENT and error.filename is None):
        return None
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    what, remedy = _SYSTEM[error.errno]
    return StickerworksError(what.format(file=_shown(file), limit=limit), remedy)


def _shown(file: object) -> str:
    name = str(file)
    return name if len(name) <= 200 else f"{name[:200]}..."


def _is_surrogate(error: UnicodeEncodeError) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in error.object[error.start : error.end])
