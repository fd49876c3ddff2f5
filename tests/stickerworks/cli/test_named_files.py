"""Every file that a configuration or a command names must be a regular one of a sane size."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from annotation.human.studio.changes_file import read_changes_file
from annotation.human.studio.gold import read_gold
from annotation.human.studio.importing import _load as read_export
from annotation.machine.domain import open_classifier
from annotation.machine.manifest import _rows as read_labels
from annotation.machine.prompt_set import load_prompt_set
from pipeline.engine.errors import StickerworksError
from pipeline.tags.words import read_blocked, read_dictionary
from schemas.labelling import LabelConfig
from stickerworks.cli.configuration import load_config
from stickerworks.cli.predict import _read_texts

READERS: dict[str, Callable[[Path], object]] = {
    "--config": lambda path: load_config(path, []),
    "tags.user_dictionary": read_dictionary,
    "tags.blocked_words": read_blocked,
    "label.gold": lambda path: read_gold(LabelConfig(gold=str(path))),
    "annotate.domain_model": open_classifier,
    "annotate.prompts": lambda path: load_prompt_set(str(path)),
    "predict --texts": _read_texts,
    "label migrate": read_changes_file,
    "label import": read_export,
    "annotate domain --labels": read_labels,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("key", READERS)
def test_a_pipe_or_a_device_is_one_clear_line_and_is_not_waited_for(
    tmp_path: Path, key: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(StickerworksError, match="no regular file") as caught:
            READERS[key](odd)
        assert str(odd) in str(caught.value)
