"""Pickles read as data: plain values alone, by an unpickler that can call nothing."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable
from typing import Any, NoReturn

_PLAIN = {
    "PROTO", "FRAME", "STOP", "MARK", "POP", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET",
    "BINGET", "LONG_BINGET", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2",
    "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "STRING", "SHORT_BINSTRING", "BINSTRING", "SHORT_BINBYTES", "BINBYTES",
    "BINBYTES8", "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT", "EMPTY_TUPLE", "TUPLE",
    "TUPLE1", "TUPLE2", "TUPLE3", "GLOBAL", "STACK_GLOBAL", "INST",
}  # fmt: skip
_KEYS = (str, bytes, int, float, type(None))
_DAMAGE = (
    pickle.UnpicklingError, struct.error, EOFError, ValueError, LookupError, OverflowError,
    TypeError, AttributeError,
)  # fmt: skip


class RefusedPickleError(ValueError):
    """A pickle asks for what is no plain value; ``what`` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the pickle asks for {what}")
        self.what = what


class DamagedPickleError(ValueError):
    """A pickle breaks off or makes no sense."""


def load_plain(data: bytes) -> Any:
    """The value of a pickle of dicts, lists, tuples, strings, bytes, numbers, booleans and None.

    ``pickle.loads`` runs what its input names. Here no name is ever looked up: whatever is no
    plain value raises RefusedPickleError (``os.system`` by that name), and a pickle that breaks
    off or can't be raises DamagedPickleError.
    """
    reader: Any = _PlainUnpickler(io.BytesIO(data), encoding="latin-1")
    try:
        value = reader.load()
    except RefusedPickleError:
        raise
    # What reading broken opcodes raises, and what they do to an empty stack or a missing memo.
    except _DAMAGE as error:
        raise DamagedPickleError(f"the pickle is damaged: {error}") from error
    if reader.stack or reader.metastack:
        raise DamagedPickleError("the pickle is damaged: it has more than one value")
    return value


def _refuse(opcode: str) -> Callable[[Any], NoReturn]:
    def refuse(reader: Any) -> NoReturn:
        raise RefusedPickleError(f"the opcode {opcode}")

    return refuse


def _make_dict(reader: Any) -> None:
    items = reader.pop_mark()
    reader.append({})
    _fill(reader, items)


def _fill(reader: Any, items: list[Any]) -> None:
    # Hashing a tuple of tuples of tuples, each named twice, would take for ever.
    if not all(isinstance(key, _KEYS) for key in items[::2]):
        raise RefusedPickleError("a key that is no text or number")
    if type(reader.stack[-1]) is not dict:
        raise ValueError("a dict is missing")
    reader.stack[-1].update(zip(items[::2], items[1::2], strict=True))


# The one written in Python: that in C makes room for as many memos as four bytes ask for.
class _PlainUnpickler(pickle._Unpickler):
    dispatch = {
        ord(opcode.code): pickle._Unpickler.dispatch[ord(opcode.code)]
        if opcode.name in _PLAIN
        else _refuse(opcode.name)
        for opcode in pickletools.opcodes
    } | {
        pickle.DICT[0]: _make_dict,
        pickle.SETITEM[0]: lambda reader: _fill(reader, [reader.stack.pop(-2), reader.stack.pop()]),
        pickle.SETITEMS[0]: lambda reader: _fill(reader, reader.pop_mark()),
    }

    def find_class(self, module: str, name: str) -> NoReturn:
        raise RefusedPickleError(f"{module}.{name}")
