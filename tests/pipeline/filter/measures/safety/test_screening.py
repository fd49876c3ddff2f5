"""From a classifier to the people who look: what it flags is kept, and screened first."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
from PIL import Image
from tiny_onnx import colour_classifier

from annotation.human.studio.export_request import ExportRequest
from annotation.human.studio.labelling import LabellingSession, plan_screening, safety_scores
from annotation.human.studio.ledger import open_ledger
from pipeline.engine.runner import run
from pipeline.engine.storage import Proof
from pipeline.filter.stages import EXPENSIVE_MEASURES, SCREENING, SIGNALS
from schemas.config import Config
from schemas.tables import TABLES

NAMED_OTHERWISE = """
from dataclasses import replace
from pipeline.filter.measures.safety.measure import MEASURE
REDNESS = replace(MEASURE, name="redness")
"""


def test_what_scores_above_is_screened_first(filled, encode, display, tmp_path, stranger):
    stranger("measures", NAMED_OTHERWISE, {"redness": "REDNESS"})
    (tmp_path / "red.onnx").write_bytes(colour_classifier([[0, 8], [0, -8], [0, -8]]))
    before = {"size": 32, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(before))
    colours = ("blue", "red", "lime", "crimson", "cyan")
    workspace = filled([[encode(Image.new("RGB", (64, 64), one), "png") for one in colours]])
    config = Config.model_validate(
        {
            "filter": {
                "measures": ["redness"],
                "measure_options": {
                    "redness": {"model": str(tmp_path / "red.onnx"), "unsafe": [1]}
                },
                "rules": {"entropy": {"min": None}},
            },
            "label": {"screening_measure": "redness", "screening_sample": 1},
        }
    )
    for work in (SIGNALS, SCREENING, EXPENSIVE_MEASURES):
        here = replace(work, in_main_process=lambda config: True) if work != SCREENING else work
        run(here, workspace, config, display)
    ids = workspace.read("stickers")["id"].to_pylist()
    kept = [{"id": one, "kept": True, "outcome": "kept"} for one in ids]
    table = pa.Table.from_pylist(kept, schema=TABLES["decisions"].schema)
    workspace.write("decisions", 0, table, Proof("decisions", "test"))
    scores = safety_scores(workspace, "redness")
    assert set(scores) == set(ids)
    with open_ledger(workspace.root) as ledger:
        studio = LabellingSession(workspace, config, ledger, None)
        planned = [row.sticker for row in plan_screening(studio, ExportRequest(), scores)]
    assert set(planned[:2]) == {ids[1], ids[3]}
    assert min(scores[one] for one in planned[:2]) > 0.9
    assert scores[planned[2]] < 0.1
    assert len(planned) == 3, "and a sample of one"
