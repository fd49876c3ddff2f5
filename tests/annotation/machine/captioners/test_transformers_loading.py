"""What the captioner ``transformers`` loads, which revision that is, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_hub import serve_model
from tiny_vision_model import make_checkpoint

from annotation.machine.chat import Answer, Question
from annotation.machine.configured import open_captioner
from pipeline.engine.errors import StickerworksError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _revision(model: Path | str, **options: Any) -> str | None:
    found = open_captioner("transformers", {"model": str(model), **options}).model()
    assert found is not None
    assert found.name == str(model)
    return found.revision


def _ask(model: Path | str, question: Question, **options: Any) -> Answer:
    chat = open_captioner(
        "transformers", {"model": str(model), "device": "cpu", **options}
    ).open_chat()

    async def ask() -> Answer:
        answer = await chat.ask(question)
        await chat.close()
        return answer

    return asyncio.run(ask())


def _refusal(options: dict[str, Any]) -> StickerworksError:
    with pytest.raises(StickerworksError) as caught:
        open_captioner("transformers", {"device": "cpu", **options}).open_chat()
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def copy(tiny_vision_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_vision_model, tmp_path / "copy")


@pytest.fixture
def hub_cache(tiny_vision_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache with ``someone/tiny`` downloaded, and no way to the hub."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    snapshot = cache / "models--someone--tiny" / "snapshots" / COMMIT
    shutil.copytree(tiny_vision_model, snapshot)
    (cache / "models--someone--tiny" / "refs").mkdir()
    (cache / "models--someone--tiny" / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return cache


def test_a_folder_is_known_by_what_its_files_hold(copy: Path, tiny_vision_model: Path) -> None:
    before = _revision(copy)
    assert before == _revision(tiny_vision_model)
    (copy / "README.md").write_text("About this model.")
    (copy / ".cache").mkdir()
    (copy / ".cache" / "state.json").write_text("{}")
    assert _revision(copy) == before
    weights = copy / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    os.utime(weights, (1, 1))
    assert _revision(copy) != before


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer.json", "config.json"])
def test_another_template_tokenizer_or_config_is_another_revision(name: str, copy: Path) -> None:
    before = _revision(copy)
    with (copy / name).open("a") as file:
        file.write(" ")
    assert _revision(copy) != before


def test_a_hub_name_is_known_by_its_commit_and_answers_offline(
    hub_cache: Path, question: Callable[..., Question]
) -> None:
    assert _revision("someone/tiny") == COMMIT
    assert _revision("someone/tiny", revision=COMMIT) == COMMIT
    assert _revision(hub_cache / "models--someone--tiny" / "snapshots" / COMMIT) == COMMIT
    assert _ask("someone/tiny", question("What is a cat?")).text


def test_a_hub_name_that_was_never_downloaded_is_refused_offline(hub_cache: Path) -> None:
    refusal = _refusal({"model": "someone/else"})
    assert "'someone/else' was not downloaded before" in refusal.message
    with pytest.raises(StickerworksError):
        _revision("someone/else")


def test_a_download_that_broke_off_is_refused_offline(hub_cache: Path) -> None:
    (weights,) = hub_cache.rglob("model.safetensors")
    weights.unlink()
    assert "no weights" in _refusal({"model": "someone/tiny"}).message


def test_a_model_is_downloaded_once_and_known_offline_from_then_on(
    tiny_vision_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    question: Callable[..., Question],
) -> None:
    from huggingface_hub import constants

    (tmp_path / "served").mkdir()
    served = shutil.copytree(tiny_vision_model, tmp_path / "served" / "tiny")
    (served / "README.md").write_text("Not needed.")
    (served / "pytorch_model.bin").write_bytes(b"the weights once more")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with serve_model(served, "someone/tiny", COMMIT) as (address, sent):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        assert _revision("someone/tiny") == COMMIT
        assert sent == []
        assert _ask("someone/tiny", question("What is a cat?")).text
        assert "model.safetensors" in sent
        assert not {"README.md", "pytorch_model.bin"} & set(sent)
        assert len(sent) == len(set(sent))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert _revision("someone/tiny") == COMMIT
    assert _ask("someone/tiny", question("What is a cat?")).text


def test_no_network_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    refusal = _refusal({"model": "someone/else"})
    assert "'someone/else' can't be had from the hub" in refusal.message
    assert "download the model once" in refusal.remedy


@pytest.mark.parametrize("model", ["/nowhere/at/all", "./nowhere", "~/nowhere-at-all"])
def test_a_missing_folder_is_named(model: str) -> None:
    assert f"{model!r} is missing" in _refusal({"model": model}).message


def test_a_file_is_no_folder(copy: Path) -> None:
    assert "is not a folder" in _refusal({"model": str(copy / "config.json")}).message


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
        ("preprocessor_config.json", "can't be loaded"),
        ("chat_template.jinja", "no chat template"),
    ],
)
def test_a_folder_that_lacks_something_is_refused(name: str, lacking: str, copy: Path) -> None:
    (copy / name).unlink()
    assert lacking in _refusal({"model": str(copy)}).message


def test_a_lost_shard_is_named(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert "no model-00002-of-00002.safetensors" in _refusal({"model": str(copy)}).message


def test_damaged_weights_are_refused(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "can't be loaded" in _refusal({"model": str(copy)}).message


def test_weights_that_config_calls_for_must_be_there(copy: Path) -> None:
    file = copy / "config.json"
    config = json.loads(file.read_bytes())
    config["text_config"]["num_hidden_layers"] = 4
    config["text_config"]["layer_types"].append("full_attention")
    file.write_text(json.dumps(config))
    assert "lacks" in _refusal({"model": str(copy)}).message


def test_a_model_that_sees_nothing_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    assert "gpt2, which doesn't answer questions about pictures" in (
        _refusal({"model": str(copy)}).message
    )


def test_code_that_comes_with_a_model_is_never_run(copy: Path, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    (copy / "theirs.py").write_text(f"open({str(proof)!r}, 'w')")
    theirs = {"AutoConfig": "theirs.Config", "AutoModelForImageTextToText": "theirs.Model"}
    config = {"model_type": "theirs", "auto_map": theirs}
    (copy / "config.json").write_text(json.dumps(config))
    assert "never run" in _refusal({"model": str(copy)}).remedy
    assert not proof.exists()


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "model"),
        ({"model": ""}, "model"),
        ({"model": "a/b", "modle": "c"}, "modle"),
        ({"modle": "a/b"}, "modle"),
        ({"model": "a/b", "device": "tpu"}, "device"),
        ({"model": "a/b", "dtype": "int8"}, "dtype"),
        ({"model": "a/b", "batch": 0}, "batch"),
        ({"model": "a/b", "temperature": -1}, "temperature"),
        ({"model": "a/b", "temperature": float("nan")}, "temperature"),
        ({"model": "a/b", "max_pixels": 1}, "max_pixels"),
        ({"model": "a/b", "trust_remote_code": True}, "trust_remote_code"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], key: str) -> None:
    assert key in _refusal(options).message
    with pytest.raises(StickerworksError, match=key):
        open_captioner("transformers", options)


def test_a_gpu_that_is_not_there_is_refused(tiny_vision_model: Path) -> None:
    refusal = _refusal({"model": str(tiny_vision_model), "device": "cuda:99"})
    assert "there is no cuda:99" in refusal.message


def test_the_checkpoint_of_a_seed_is_always_the_same(
    tiny_vision_model: Path, tmp_path: Path
) -> None:
    assert _revision(make_checkpoint(tmp_path / "again")) == _revision(tiny_vision_model)
    assert _revision(make_checkpoint(tmp_path / "other", seed=1)) != _revision(tiny_vision_model)


def test_pictures_can_be_made_smaller(
    tiny_vision_model: Path, question: Callable[..., Question], picture: Callable[..., Any]
) -> None:
    asked = question("What is this?", picture(size=(128, 96)))
    whole = _ask(tiny_vision_model, asked)
    small = _ask(tiny_vision_model, asked, max_pixels=64 * 64)
    assert (small.tokens_in or 0) < (whole.tokens_in or 0)
