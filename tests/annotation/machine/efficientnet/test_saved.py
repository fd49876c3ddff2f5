"""A damaged folder is refused in one line, and the way without torch stays without it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from annotation.machine.domain import DOMAIN, open_classifier
from annotation.machine.efficientnet.calibration import Calibration
from annotation.machine.efficientnet.model import Preset, make_model
from annotation.machine.efficientnet.saved import (
    describe,
    model_folder,
    read_description,
    save_model,
)
from pipeline.engine.errors import StickerworksError
from schemas.config import AnnotateConfig, Config


@pytest.fixture
def folder(tmp_path: Path, tiny: Preset) -> Path:
    target = tmp_path / "model"
    described = describe(tiny.sizing, Calibration(1.5, -0.5), statistics=False, probe=None)
    with model_folder(target) as temporary:
        save_model(temporary, make_model(tiny), {"name": "test/1", **described})
    return target


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "classifier.json"
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(content), encoding="utf-8")


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:-100])

    return damage


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut("model.safetensors"), "model.safetensors is not the one that was trained"),
        (cut("config.json"), "config.json is not the one that was trained"),
        (cut("classifier.json"), "can't be used"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors can't be read"),
        (lambda f: (f / "classifier.json").unlink(), "classifier.json can't be read"),
        (lambda f: rewrite(f, format="other/9"), 'the "format" of classifier.json'),
        (lambda f: rewrite(f, calibration={}), "classifier.json has no 'slope'"),
        (lambda f: rewrite(f, threshold="high"), "could not convert"),
        (lambda f: (f / "classifier.json").write_text("[" * 100_000), "can't be used"),
    ],
)
def test_a_damaged_folder_is_refused(
    folder: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(folder)
    config = Config(annotate=AnnotateConfig(domain_model=str(folder)))
    for refuse in (lambda: DOMAIN.models(config), lambda: open_classifier(folder)):
        with pytest.raises(StickerworksError, match=reason) as caught:
            refuse()
        assert str(folder) in caught.value.message
        assert "\n" not in caught.value.message
        assert "annotate domain --train" in caught.value.remedy


def test_weights_of_another_network_are_refused(folder: Path, tiny: Preset) -> None:
    rewrite(folder, statistics=True)
    with pytest.raises(StickerworksError, match=r"statistics\.weight"):
        open_classifier(folder)


def test_a_write_that_fails_leaves_the_old_model(folder: Path) -> None:
    before = read_description(folder).digest

    def write() -> None:
        with model_folder(folder) as temporary:
            (temporary / "classifier.json").write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert read_description(folder).digest == before
    assert list(folder.parent.iterdir()) == [folder]


def test_leftovers_of_a_killed_run_are_swept(folder: Path) -> None:
    leftover = folder.with_name(f".{folder.name}.999999999.tmp")  # no process has that number
    leftover.mkdir()
    with model_folder(folder) as temporary:
        (temporary / "classifier.json").write_text("{}", encoding="utf-8")
    assert list(folder.parent.iterdir()) == [folder]


def test_the_default_classifier_needs_no_torch() -> None:
    code = (
        "import sys; from annotation.machine.domain import DOMAIN, open_classifier, SHIPPED; "
        "from schemas.config import Config; DOMAIN.models(Config()); open_classifier(SHIPPED); "
        "assert not {'torch', 'transformers', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_that_is_no_model_is_not_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    with pytest.raises(StickerworksError, match="holds no domain classifier"), model_folder(mine):
        pass
    assert list(tmp_path.iterdir()) == [mine]
