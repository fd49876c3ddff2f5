"""The domain stage, its model file and its training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from annotation.machine import train_domain
from annotation.machine.domain import DOMAIN
from annotation.machine.domain_model import SHIPPED, load_model
from annotation.machine.features import FEATURES
from pipeline.engine.errors import StickerworksError
from pipeline.engine.stage import Context
from schemas.config import AnnotateConfig, Config
from schemas.tables import DOMAIN as TABLE
from schemas.tables import FRAMES, STICKERS

Draw = Callable[[int], Image.Image]
Jpeg = Callable[[Image.Image], bytes]
REAL = Path(__file__).parents[4] / "shared/real-stickers/manifest.jsonl"
CORRECTIONS = SHIPPED.with_name("domain_corrections.jsonl")


def run(frames: list[dict[str, Any]], config: Config, root: Path) -> pa.Table:
    process = DOMAIN.open(Context(DOMAIN.settings(config), root))
    ids = [{"id": row["id"]} for row in frames]
    tables = {
        "stickers": pa.Table.from_pylist(ids, schema=STICKERS.schema),
        "frames": pa.Table.from_pylist(frames, schema=FRAMES.schema),
    }
    return process(tables)["domain"]


def frame(content: bytes | None) -> dict[str, Any]:
    return {"index": 0, "start_ms": 0, "duration_ms": 100, "jpeg": content}


def changed(tmp_path: Path, **changes: Any) -> Path:
    model = json.loads(SHIPPED.read_text(encoding="utf-8"))
    model.update(changes)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    return path


def test_photographs_are_real_and_drawings_cartoon(
    photograph: Draw, drawing: Draw, jpeg: Jpeg, tmp_path: Path
) -> None:
    pictures = [photograph(n) for n in range(5)] + [drawing(n) for n in range(5)]
    rows = [{"id": f"{n}", "key_frames": [frame(jpeg(p))]} for n, p in enumerate(pictures)]
    made = run(rows, Config(), tmp_path)
    assert made.schema == TABLE.schema
    assert made["domain"].to_pylist() == ["real"] * 5 + ["cartoon"] * 5
    for row in made.to_pylist():
        assert (row["probability"] >= 0.5) == (row["domain"] == "real")
        assert row["measured"]
        assert row["error"] is None
        assert row["model"].startswith("domain-logistic/2 sha256:")


def test_rows_keep_their_order_and_their_errors(drawing: Draw, jpeg: Jpeg, tmp_path: Path) -> None:
    good = jpeg(drawing(1))
    rows = [
        {"id": "d", "key_frames": [frame(good)]},
        {"id": "a", "key_frames": None, "error": "truncated after 0 frames"},
        {"id": "c", "key_frames": []},
        {"id": "b", "key_frames": [frame(good), frame(good[:40])]},
        {"id": "e", "key_frames": [frame(good)]},
    ]
    made = run(rows, Config(), tmp_path).to_pylist()
    assert [row["id"] for row in made] == ["d", "a", "c", "b", "e"]
    assert [row["domain"] for row in made] == ["cartoon", None, None, None, "cartoon"]
    assert made[1]["error"] == "truncated after 0 frames"
    assert made[2]["error"] == "no key frames"
    assert made[3]["error"].startswith("key frame can't be read")


def test_another_model_decides_and_is_in_the_fingerprint(
    drawing: Draw, jpeg: Jpeg, tmp_path: Path
) -> None:
    path = changed(tmp_path, intercept=50, version="mine")
    config = Config(annotate=AnnotateConfig(domain_model=str(path)))
    (row,) = run(
        [{"id": "a", "key_frames": [frame(jpeg(drawing(1)))]}], config, tmp_path
    ).to_pylist()
    assert row["domain"] == "real"
    assert row["model"].startswith("domain-logistic/mine")
    assert DOMAIN.models(config) != DOMAIN.models(Config())
    assert DOMAIN.settings(config) != DOMAIN.settings(Config())


TERM = {"statistic": "white", "mean": 0, "scale": 1, "coefficient": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "other/9"}, "format"),
        ({"terms": []}, "empty"),
        ({"terms": [TERM, TERM]}, "twice"),
        ({"terms": [{**TERM, "statistic": "charm"}]}, "not measured: charm"),
        ({"terms": [{**TERM, "scale": 0}]}, "scale of white"),
        ({"terms": [{**TERM, "mean": None}]}, "None is not a finite number"),
        ({"terms": [{"statistic": "white"}]}, "it has no 'mean'"),
        ({"terms": 7}, "not iterable"),
        ({"intercept": float("nan")}, "finite"),
        ({"intercept": True}, "finite"),
        ({"version": 3}, "short name"),
    ],
)
def test_a_bad_model_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    path = changed(tmp_path, **changes)
    config = Config(annotate=AnnotateConfig(domain_model=str(path)))
    with pytest.raises(StickerworksError, match=reason) as caught:
        DOMAIN.models(config)
    assert str(path) in caught.value.message
    assert "annotate.domain_model" in caught.value.remedy
    with pytest.raises(StickerworksError):
        DOMAIN.open(Context(DOMAIN.settings(config), tmp_path))


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(StickerworksError, match="can't be used"):
        load_model(path)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="can't be read"):
        load_model(tmp_path / "gone.json")


def test_extreme_statistics_have_a_probability() -> None:
    model = load_model(SHIPPED)
    for value in (-1e300, 1e300, 0.0):
        assert 0 <= model.probability(dict.fromkeys(FEATURES, value)) <= 1


def test_the_shipped_model_says_how_good_it_is_and_where_it_is_from() -> None:
    raw = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert [term["statistic"] for term in raw["terms"]] == list(FEATURES)
    for figures in raw["held_out"].values():
        assert "leave one pack out" in figures["protocol"]
        assert 0.5 < figures["balanced_accuracy"] <= 1
    assert raw["held_out"]["labels used"]["balanced_accuracy"] >= 0.84
    assert raw["held_out"]["labels used"]["auc"] >= 0.91
    assert len(raw["training"]["manifest_sha256"]) == 64


@pytest.fixture
def manifest(tmp_path: Path, photograph: Draw, drawing: Draw) -> Path:
    """Three packs of photographs and four of drawings, one of them labelled wrongly."""
    lines = []
    for pack in range(7):
        draw = photograph if pack < 3 else drawing
        for n in range(4):
            path = tmp_path / f"{pack}-{n}.png"
            draw(10 * pack + n).save(path)
            domain = "real" if pack in (0, 1, 2, 5) else "cartoon"
            lines.append({"path": path.name, "pack": f"pack {pack}", "domain": domain})
    lines.append({"path": "unlabelled.png", "pack": "other", "domain": None})
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_training_writes_a_model_that_the_stage_takes(
    manifest: Path,
    photograph: Draw,
    drawing: Draw,
    jpeg: Jpeg,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(train_domain, "PENALTIES", (0.03, 0.3))
    output = manifest.with_name("trained.json")
    arguments = [
        "--manifest",
        str(manifest),
        "--output",
        str(output),
        "--relabel",
        "pack 5=cartoon",
    ]
    assert train_domain.main(arguments) == 0
    first = output.read_bytes()
    raw = json.loads(first)
    assert raw["held_out"]["labels used"]["balanced_accuracy"] == 1
    assert raw["held_out"]["manifest's own labels"]["balanced_accuracy"] < 1
    assert raw["training"]["stickers"] == {"real": 12, "cartoon": 16}
    assert raw["training"]["relabelled_packs"] == {"pack 5": "cartoon"}
    config = Config(annotate=AnnotateConfig(domain_model=str(output)))
    rows = [
        {"id": name, "key_frames": [frame(jpeg(draw(99)))]}
        for name, draw in (("photo", photograph), ("drawn", drawing))
    ]
    assert run(rows, config, manifest.parent)["domain"].to_pylist() == ["real", "cartoon"]
    assert train_domain.main(arguments) == 0
    assert output.read_bytes() == first
    assert "balanced_accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("relabel", "said"),
    [
        ("nobody=real", "nobody"),
        ("pack 5=photo", "PACK=real"),
        ("pack 6=real", "Only 2 packs are cartoon"),
    ],
)
def test_training_refuses_a_bad_relabelling(
    manifest: Path, relabel: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--manifest", str(manifest), "--output", str(manifest.parent / "no.json")]
    assert train_domain.main([*arguments, "--relabel", relabel]) == 1
    assert said in capsys.readouterr().err
    assert not (manifest.parent / "no.json").exists()


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason=f"needs the real stickers at {REAL}")
def test_the_shipped_model_can_be_trained_again() -> None:
    # Held-out figures with the penalty chosen inside each fold take minutes: benchmarks/domain.py.
    _, data = train_domain.read_labelled(REAL, {}, CORRECTIONS)
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    penalty = train_domain.choose_penalty(data)
    assert penalty == shipped["training"]["penalty_c"]
    scores = train_domain.held_out_scores(data, penalty)
    auc = shipped["held_out"]["labels used"]["auc"]
    assert roc_auc_score(data.real, scores) == pytest.approx(auc, abs=0.01)
    digest = hashlib.sha256(REAL.read_bytes()).hexdigest()
    assert digest == shipped["training"]["manifest_sha256"]
    scaler, regression = train_domain.fit(data, penalty)
    found = zip(regression.coef_[0], scaler.mean_, shipped["terms"], strict=True)
    for coefficient, mean, term in found:
        assert coefficient == pytest.approx(term["coefficient"], abs=0.02)
        assert mean == pytest.approx(term["mean"], rel=0.02)
