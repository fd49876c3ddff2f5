"""YAML from outside: small, shallow, and saying each thing once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NoReturn

import yaml

MAX_BYTES = 1_000_000
_MAX_DEPTH = 32
_MAX_VALUES = 100_000
# Python takes quadratic time for a number of very many digits; no text is cut by this.
_MAX_NUMBER = 100
_TEXT = "tag:yaml.org,2002:str"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
# What PyYAML raises by mistake: for a date of month 13, for instance, or `!!int ''`.
_SLIPS = (ValueError, OverflowError, TypeError, AttributeError, LookupError)


def parse_yaml(data: str | bytes) -> Any:
    """The plain value of a YAML document.

    Raises yaml.YAMLError, also for what YAML allows and nobody means: over a megabyte, over 32
    levels, more than 100,000 values once references are followed, a key that stands twice in a
    mapping, a reference of a value to itself. Numbers to the base of 60, such as 8:1:1, are texts.
    """
    if len(data) > MAX_BYTES:
        raise yaml.YAMLError(f"it is larger than {MAX_BYTES:,} bytes")
    try:
        # A safe loader: no tag makes anything but plain values.
        return yaml.load(data, Loader=_Loader)  # noqa: S506
    except _SLIPS as error:
        raise yaml.YAMLError(f"a value makes no sense ({type(error).__name__})") from error


def key_lines(data: str | bytes, *path: str) -> dict[Hashable, int]:
    """Line, counted from 1, of each key of the mapping that lies under ``path``.

    Of a document that ``parse_yaml`` takes; empty where no mapping lies there.
    """
    loader = _Loader(data)
    node = loader.get_single_node()
    for name in path:
        entries = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((held for key, held in entries if key.value == name), None)
    if not isinstance(node, yaml.MappingNode):
        return {}
    keys = (key for key, _ in node.value if isinstance(key, yaml.ScalarNode))
    return {loader.construct_object(key): key.start_mark.line + 1 for key in keys}


def write_yaml(value: Any, **style: Any) -> str:
    """A plain value as YAML that is read as it was; texts stand as they are.

    But for line ends beyond ASCII, which PyYAML writes into keys and then reads as blanks.
    """
    text = yaml.safe_dump(value, allow_unicode=True, **style)
    if any(end in text for end in "\x85\u2028\u2029"):
        text = yaml.safe_dump(value, **style)
    return str(text)


def problem(error: yaml.YAMLError) -> str:
    """What is wrong and where, in a line of its own, without what stands there."""
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error)
    where = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
    return " ".join(f"{said}{where}".split())


class _Loader(yaml.SafeLoader):
    def __init__(self, stream: str | bytes) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor = getattr(event, "anchor", None)
        alias = isinstance(event, yaml.AliasEvent)
        if alias and anchor in self.anchors and anchor not in self._sizes:
            self._refuse(event, "a value refers to itself")
        before = self._values
        self._values += self._sizes.get(anchor, 1) if alias and anchor else 1
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._refuse(event, f"it is nested more than {_MAX_DEPTH} levels deep")
        if self._values > _MAX_VALUES:
            self._refuse(event, f"it holds more than {_MAX_VALUES:,} values")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor and not alias:
            self._sizes[anchor] = self._values - before
        return node

    def compose_scalar_node(self, anchor: Any) -> Any:
        node = super().compose_scalar_node(anchor)
        # YAML 1.1 reads 8:1:1 as a number to the base of 60.
        sixtieths = node.tag in _NUMBERS and ":" in node.value
        if sixtieths or (len(node.value) > _MAX_NUMBER and node.tag != _TEXT):
            node.tag = _TEXT
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen: set[Hashable] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                value: Hashable = self.construct_object(key)
                if value in seen:
                    self._refuse(key, f"the key {key.value[:60]!r} stands twice")
                seen.add(value)
        return node

    def _refuse(self, where: Any, what: str) -> NoReturn:
        raise yaml.MarkedYAMLError(problem=what, problem_mark=where.start_mark)
