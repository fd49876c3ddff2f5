"""No file is read or written in an encoding that depends on the locale."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Where the encoding stands among a call's positional arguments.
PLACES = {"read_text": 0, "write_text": 1, "open": 3, "fdopen": 3, "Popen": 99, "run": 99}


def calls_without_encoding(source: str) -> Iterator[int]:
    """Lines of calls that read or write text and don't say in which encoding."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
        named = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if name not in PLACES or "encoding" in named or len(call.args) > PLACES[name]:
            continue
        if name in ("run", "Popen") and named.get("text") != "True":
            continue
        texts = [node.value for node in call.args if isinstance(node, ast.Constant)]
        modes = [*texts[:2], named.get("mode", "").strip("'")]
        # A bare open(path) reads text; what else has no mode of text opens bytes or no file.
        bare = isinstance(call.func, ast.Name) and len(call.args) == 1 and not named
        texts_mode = bare or any(mode in ("r", "w", "a", "x") for mode in modes)
        if name in ("open", "fdopen") and not texts_mode:
            continue
        yield call.lineno


def test_a_call_without_encoding_is_noticed() -> None:
    source = "p.read_text()\np.write_text(a)\nopen(p)\np.open('w')\nrun(c, text=True)\n"
    assert sorted(calls_without_encoding(source)) == [1, 2, 3, 4, 5]
    fine = "p.read_text('utf-8')\nopen(p, 'rb')\np.open('w', encoding='utf-8')\nImage.open(p)\n"
    assert not list(calls_without_encoding(fine))


@pytest.mark.parametrize("package", ["schemas", "pipeline", "crawlers", "annotation"])
def test_every_text_file_has_its_encoding(package: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in (ROOT / package).rglob("*.py")
        for line in calls_without_encoding(file.read_text(encoding="utf-8"))
    ]
    assert found == []
