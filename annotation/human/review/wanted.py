"""What a search for stickers asks for; all of it must hold."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN = {
    "tag": "tags that the label has",
    "given": "tags that anybody gave",
    "answer": "answers of the label",
    "text": "text in its captions, its OCR or its keywords",
    "flag": "flags of people or of the measurement",
    "annotator": "voted on by",
    "against": "voted otherwise than the label says by",
    "pack": "pack",
    "batch": "batch",
    "status": "status of the label",
    "provenance": "where the label comes from",
    "split": "split",
    "id": "ids that start with",
    "disagreement": "agreement at most",
    "sample": "drawn at random",
}


@dataclass(frozen=True)
class Wanted:
    """Conditions of a search; of those with several values, each must hold.

    ``answer`` holds (question, value). ``disagreement`` is the highest agreement that is found,
    ``sample`` how many are drawn of those that match, by ``seed``.
    """

    tag: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    answer: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    annotator: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    pack: str | None = None
    batch: str | None = None
    status: str | None = None
    provenance: str | None = None
    split: str | None = None
    id: str | None = None
    disagreement: float | None = None
    sample: int | None = None
    seed: int = 0

    def lines(self) -> list[str]:
        """The conditions for people."""
        said = []
        for name, title in SHOWN.items():
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            said += [
                f"{title} {'='.join(one) if isinstance(one, tuple) else one}" for one in values
            ]
        return said
