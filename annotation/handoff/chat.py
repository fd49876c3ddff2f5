"""Captions that people wrote as chats for supervised fine-tuning of vision-language models.

One JSON object a line, ``messages`` and ``images``, as LLaMA-Factory ("sharegpt" with role and
content) and ms-swift ("messages") read them; ``trl/`` holds the same with typed parts, since TRL
takes a placeholder within a text for text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from annotation.handoff.answers import read_answers
from annotation.handoff.captions import Chosen, choose_captions
from annotation.handoff.chat_readme import SftSummary, readme
from annotation.handoff.corrections import Correction, preference_pairs, read_checked
from annotation.handoff.crops import open_jpeg
from annotation.handoff.eligibility import SETS, Eligibility, read_eligibility
from annotation.handoff.folder import check_output, export_folder, json_line
from annotation.handoff.prompts import IMAGE, PROMPTS, Prompt, check_prompts
from annotation.handoff.stickers import StickerRows, read_stickers
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

KIND = "sft"
MOST_FRAMES = 8
_DATASET, _PREFERENCES = "sticker_captions", "sticker_preferences"


def export_sft(
    workspace: Workspace,
    output: Path,
    *,
    simulated: bool = False,
    prompt: Mapping[str, Prompt] = PROMPTS,
    most_frames: int = MOST_FRAMES,
    say: Callable[[str], None] = lambda _: None,
) -> SftSummary:
    """Write chats, their pictures and a README below ``output``.

    ``prompt`` has a prompt for ``en`` and ``zh``. Pictures are the frames of the table ``clips``,
    evenly thinned to ``most_frames``, and key frames where there is none. Only stickers in train
    and validation leave. Raises StickerworksError when there is no split or no caption yet, and
    for an ``output`` that something else lies in.
    """
    check_prompts(prompt)
    check_output(output, KIND)
    checked = read_checked(workspace)
    corrected = checked.texts()
    answers = read_answers(workspace, "caption", simulated=simulated, besides=corrected)
    eligibilities = read_eligibility(workspace, answers.texts)
    summary = SftSummary(simulated=simulated, simulated_left_out=answers.simulated)
    with export_folder(output, KIND) as folder:
        with ExitStack() as stack:
            files = _ChatFiles(folder, stack)
            for sticker in read_stickers(workspace, answers.texts, ("frames", "clips", "captions")):
                machine = (*sticker.captions, *checked.wrong.get(sticker.id, ()))
                texts, mine = answers.texts[sticker.id], corrected.get(sticker.id, ())
                chosen = choose_captions(texts, machine, mine)
                pairs = preference_pairs(
                    chosen,
                    checked.corrected.get(sticker.id, ()),
                    answers.filled.get(sticker.id, ()),
                    sticker.captions,
                )
                frames = _thin(sticker.clip or sticker.key_frames, most_frames)
                eligibility = _checked(eligibilities[sticker.id], chosen, frames)
                row = _export(
                    sticker, eligibility, chosen, _Chats(frames, prompt, pairs), files, summary
                )
                files.manifest(row)
            for id_ in sorted(set(answers.texts) - files.seen):
                files.manifest(_row(id_, eligibilities[id_], Chosen({}, {}), summary))
        _write_index(folder, summary)
        (folder / "README.md").write_text(readme(summary), "utf-8")
    say(
        f"{sum(summary.chats.values())} chats with {summary.images} pictures of "
        f"{summary.stickers} stickers; {sum(summary.left_out.values())} stickers are left out."
    )
    return summary


def chat(frames: Sequence[Mapping[str, Any]], prompt: Prompt, caption: str) -> list[dict[str, Any]]:
    """Messages with typed parts: text, and a place for each of the frames."""
    texts = prompt.turn(frames)
    parts: list[dict[str, Any]] = []
    for number, text in enumerate(texts):
        parts += [{"type": "text", "text": text}] if text else []
        parts += [{"type": "image", "text": None}] if number < len(frames) else []
    spoken = (("system", prompt.system), ("assistant", caption))
    system, answer = ({"role": r, "content": [{"type": "text", "text": t}]} for r, t in spoken)
    turns = [{"role": "user", "content": parts}, answer]
    return [system, *turns] if prompt.system else turns


def flat(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The same messages as plain texts, with a placeholder for each picture."""
    return [
        {
            "role": message["role"],
            "content": "".join(
                IMAGE if part["type"] == "image" else part["text"] for part in message["content"]
            ),
        }
        for message in messages
    ]


@dataclass(frozen=True)
class _Chats:
    """What every chat on a sticker shares."""

    frames: Sequence[Mapping[str, Any]]
    prompt: Mapping[str, Prompt]
    pairs: Sequence[Correction] = ()


class _ChatFiles:
    """The files of one export; a set without chats has no file, which loaders could not read."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.seen: set[str] = set()
        self._stack = stack
        self._open: dict[str, IO[str]] = {}
        (folder / "images").mkdir()
        self._file("manifest.jsonl")

    def manifest(self, row: Mapping[str, Any]) -> None:
        self.seen.add(row["id"])
        self._file("manifest.jsonl").write(json_line(row) + "\n")

    def add(self, split: str, messages: list[dict[str, Any]], images: list[str]) -> None:
        """A chat, for trainers that read placeholders and for those that read parts."""
        plain = {"messages": flat(messages), "images": images}
        self._file(f"{split}.jsonl").write(json_line(plain) + "\n")
        typed = {"messages": messages, "images": images}
        self._file(f"trl/{split}.jsonl").write(json_line(typed) + "\n")

    def prefer(
        self, split: str, messages: list[dict[str, Any]], rejected: str, images: list[str]
    ) -> None:
        """A chat whose answer people made of the ``rejected`` one."""
        *asked, chosen = flat(messages)
        pair = {"chosen": chosen, "rejected": {**chosen, "content": rejected}}
        row = {"messages": asked, **pair, "images": images}
        self._file(f"preferences-{split}.jsonl").write(json_line(row) + "\n")

    def _file(self, name: str) -> IO[str]:
        if name not in self._open:
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            file = path.open("w", encoding="utf-8", newline="\n")
            self._open[name] = self._stack.enter_context(file)
        return self._open[name]


def _export(
    sticker: StickerRows,
    eligibility: Eligibility,
    chosen: Chosen,
    chats: _Chats,
    files: _ChatFiles,
    summary: SftSummary,
) -> dict[str, Any]:
    """Write what a sticker gives; its row of the manifest."""
    row = _row(sticker.id, eligibility, chosen, summary)
    if eligibility.split is None or eligibility.reason is not None:
        return row
    images = [f"images/{sticker.id}-{n}.jpg" for n in range(len(chats.frames))]
    for name, frame in zip(images, chats.frames, strict=True):
        (files.folder / name).write_bytes(frame["jpeg"])
    for language, caption in chosen.captions.items():
        written = chat(chats.frames, chats.prompt[language], caption.text)
        files.add(eligibility.split, written, images)
        summary.chats[eligibility.split] += 1
        summary.languages[language] += 1
    for pair in chats.pairs:
        written = chat(chats.frames, chats.prompt[pair.language], pair.corrected)
        files.prefer(eligibility.split, written, pair.original, images)
        summary.pairs[eligibility.split] += 1
    summary.stickers += 1
    summary.images += len(images)
    summary.withheld_bytes += not sticker.redistribute
    pairs = [asdict(pair) for pair in chats.pairs]
    row |= {"corrections": pairs} if pairs else {}
    return {**row, "images": len(images), "redistribute": sticker.redistribute}


def _checked(
    found: Eligibility, chosen: Chosen, frames: Sequence[Mapping[str, Any]]
) -> Eligibility:
    """The eligibility of a sticker, with the reason where its captions or frames leave nothing."""
    if found.reason is not None:
        return found
    if not chosen.captions:
        return Eligibility(
            found.split, max(sorted(chosen.left_out), key=chosen.left_out.__getitem__)
        )
    try:
        for frame in frames:
            open_jpeg(frame["jpeg"])
    except StickerworksError:
        return Eligibility(found.split, "a frame can't be opened")
    return Eligibility(found.split, None if frames else "it has no frames")


def _row(id_: str, eligibility: Eligibility, chosen: Chosen, summary: SftSummary) -> dict[str, Any]:
    if eligibility.reason is not None:
        summary.left_out[eligibility.reason] += 1
    used = chosen.captions if eligibility.reason is None else {}
    summary.captions_left_out.update(chosen.left_out)
    return {
        "id": id_,
        "split": eligibility.split,
        "captions": {name: {"agreed": c.agreed, "of": c.of} for name, c in used.items()},
        "left_out": dict(sorted(chosen.left_out.items())),
        "reason": eligibility.reason,
    }


def _thin(frames: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """At most ``most`` frames, evenly spaced, the first and the last among them."""
    if len(frames) <= most:
        return list(frames)
    last = len(frames) - 1
    return [frames[round(n * last / max(most - 1, 1))] for n in range(most)]


def _write_index(folder: Path, summary: SftSummary) -> None:
    """LLaMA-Factory's index of the data sets in a folder."""
    columns = {"messages": "messages", "images": "images"}
    roles = {"user": "user", "assistant": "assistant", "system": "system"}
    tags = {"role_tag": "role", "content_tag": "content"}
    tags |= {f"{name}_tag": role for name, role in roles.items()}
    index: dict[str, dict[str, Any]] = {
        f"{_DATASET}_{split}": {
            "file_name": f"{split}.jsonl",
            "formatting": "sharegpt",
            "columns": columns,
            "tags": tags,
        }
        for split in SETS
        if summary.chats[split]
    }
    sides = {"chosen": "chosen", "rejected": "rejected"}
    index |= {
        f"{_PREFERENCES}_{split}": {
            "file_name": f"preferences-{split}.jsonl",
            "formatting": "sharegpt",
            "ranking": True,
            "columns": columns | sides,
            "tags": tags,
        }
        for split in SETS
        if summary.pairs[split]
    }
    text = json.dumps(index, indent=2)
    (folder / "dataset_info.json").write_text(text + "\n", "utf-8")
