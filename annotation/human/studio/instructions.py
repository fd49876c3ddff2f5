"""Guidelines on the labelling screen: what people read before they begin, and any time after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotation.human.studio.guidelines import instruction_html
from schemas.labelling import LabelConfig

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio


def show_guidelines(client: LabelStudio, project: int, label: LabelConfig, person: str) -> None:
    """Put the guidelines, in the language of whose project it is, before its screen; idempotent."""
    html = instruction_html(label, label.language_of(person) if person else label.language)
    there = client.projects.get(id=project)
    if (there.expert_instruction or "") != html or bool(there.show_instruction) != bool(html):
        client.projects.update(id=project, expert_instruction=html, show_instruction=bool(html))
