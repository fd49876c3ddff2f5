"""A classifier of mean colours as an ONNX file, written by hand: no package here writes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

Dimension = int | str


def colour_classifier(
    weights: Sequence[Sequence[float]],
    shape: Sequence[Dimension] = ("n", 3, 32, 32),
    last: bool = False,
) -> bytes:
    """Bytes of a model whose outputs are ``weights`` (3 rows, a column a label) times the mean
    red, green and blue of pictures of that ``shape``; colours stand ``last`` or after the number.
    """
    labels = len(weights[0])
    nodes = [_node("GlobalAveragePool", ["first"], ["mean"]), _node("Flatten", ["mean"], ["flat"])]
    turned = [_ints("perm", [0, 3, 1, 2] if last else [0, 1, 2, 3])]
    nodes.insert(0, _node("Transpose", ["pixels"], ["first"], turned))
    nodes.append(_node("MatMul", ["flat", "weights"], ["scores"]))
    graph = b"".join(_bytes(1, node) for node in nodes)
    graph += _bytes(2, b"colours") + _bytes(5, _tensor("weights", weights))
    graph += _bytes(11, _value("pixels", shape)) + _bytes(12, _value("scores", ("n", labels)))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _number(2, 13))


def _node(
    kind: str, given: Sequence[str], made: Sequence[str], attributes: Sequence[bytes] = ()
) -> bytes:
    names = b"".join(_bytes(1, name.encode()) for name in given)
    names += b"".join(_bytes(2, name.encode()) for name in made)
    return names + _bytes(4, kind.encode()) + b"".join(_bytes(5, one) for one in attributes)


def _ints(name: str, values: Sequence[int]) -> bytes:
    told = b"".join(_number(8, value) for value in values)
    return _bytes(1, name.encode()) + told + _number(20, 7)


def _tensor(name: str, rows: Sequence[Sequence[float]]) -> bytes:
    flat = [value for row in rows for value in row]
    sizes = _number(1, len(rows)) + _number(1, len(rows[0])) + _number(2, 1)
    return sizes + _bytes(8, name.encode()) + _bytes(9, struct.pack(f"<{len(flat)}f", *flat))


def _value(name: str, shape: Sequence[Dimension]) -> bytes:
    sides = b"".join(
        _bytes(1, _number(1, side) if isinstance(side, int) else _bytes(2, side.encode()))
        for side in shape
    )
    kind = _bytes(1, _number(1, 1) + _bytes(2, sides))
    return _bytes(1, name.encode()) + _bytes(2, kind)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
