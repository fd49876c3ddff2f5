"""Pickles read as data: plain values alone, by a machine that can call nothing."""

from __future__ import annotations

import pickletools
from typing import Any

_MARK = object()
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "STRING", "SHORT_BINSTRING",
    "BINSTRING", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_SILENT = frozenset({"PROTO", "FRAME", "STOP"})
# Hashing a tuple of tuples of tuples, each named twice, would take for ever.
_KEYS = (str, bytes, int, float, type(None))


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
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            machine.do(opcode.name, argument)
        (value,) = machine.stack
    except RefusedPickleError:
        raise
    # What reading broken opcodes raises, and what they do to an empty stack or a missing memo.
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise DamagedPickleError(f"the pickle is damaged: {error}") from error
    return value


class _Machine:
    """The stack and memo that a pickle's opcodes work on."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def do(self, name: str, argument: Any) -> None:
        """Carry out one opcode; raises RefusedPickleError for all that make no plain value."""
        stack = self.stack
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name.endswith(("PUT", "MEMOIZE")):
            self.memo[len(self.memo) if argument is None else int(argument)] = stack[-1]
        elif name.endswith("GET"):
            stack.append(self.memo[int(argument)])
        elif name == "POP":
            stack.pop()
        elif name not in _SILENT and not self._build(name):
            raise RefusedPickleError(self._name(name, argument))

    def _build(self, name: str) -> bool:
        """Make or fill a container; False when the opcode does neither."""
        stack = self.stack
        if name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            stack.append({"D": dict, "L": list, "T": tuple}[name[6]]())
        elif name == "DICT":
            values = self._marked()
            stack.append({})
            self._set(values)
        elif name == "LIST":
            stack.append(self._marked())
        elif name == "TUPLE":
            stack.append(tuple(self._marked()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._last(int(name[-1]))))
        elif name in ("APPEND", "APPENDS"):
            values = self._last(1) if name == "APPEND" else self._marked()
            self._top(list).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            self._set(self._last(2) if name == "SETITEM" else self._marked())
        else:
            return False
        return True

    def _set(self, values: list[Any]) -> None:
        keys, values = values[::2], values[1::2]
        if not all(isinstance(key, _KEYS) for key in keys):
            raise RefusedPickleError("a key that is no text or number")
        self._top(dict).update(zip(keys, values, strict=True))

    def _top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"a {kind.__name__} is missing")
        return self.stack[-1]

    def _last(self, count: int) -> list[Any]:
        values, self.stack[-count:] = self.stack[-count:], []
        if len(values) < count:
            raise IndexError("the stack is empty")
        return values

    def _marked(self) -> list[Any]:
        for place in reversed(range(len(self.stack))):
            if self.stack[place] is _MARK:
                values, self.stack[place:] = self.stack[place + 1 :], []
                return values
        raise IndexError("a mark is missing")

    def _name(self, opcode: str, argument: Any) -> str:
        if opcode in ("GLOBAL", "INST"):
            return str(argument).replace(" ", ".")
        if opcode == "STACK_GLOBAL":
            return ".".join(str(part) for part in self.stack[-2:] if isinstance(part, str))
        return f"the opcode {opcode}"
