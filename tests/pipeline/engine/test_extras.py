"""A package that an extra brings is imported, or its absence said with the remedy."""

from __future__ import annotations

import json.decoder
import sys

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra


def test_an_installed_module_is_imported() -> None:
    assert need_extra("json.decoder", "baselines", "Reading") is json.decoder


@pytest.mark.parametrize("module", ["lmdb", "lmdb.tool"])
def test_an_absent_one_says_what_needs_it_and_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(StickerworksError) as caught:
        need_extra(module, "baselines", "Sticker820K")
    assert caught.value.message == "Sticker820K needs lmdb, which is not installed."
    assert "`pip install 'stickerworks[baselines]'`" in caught.value.remedy
