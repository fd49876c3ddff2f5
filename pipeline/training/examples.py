"""What a baseline learns from: the rows of one split, with targets, texts and frames."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

import numpy as np

from pipeline.datasets.layout import Row, find_layout
from pipeline.engine.errors import StickerworksError
from pipeline.training.arrays import Images, Truth
from pipeline.training.frames import Pick
from pipeline.training.prepared import Frames, prepare_frames
from pipeline.training.target import Teaching, withheld_columns, without

EVERY_ROW = 2**31


@dataclass(frozen=True)
class Use:
    """What became of a split's rows.

    Of the ``sampled`` rows out of ``in_split``, ``used`` can be learnt from: ``voted`` of them
    have people's tags (``simulated`` of those no person's). ``unreadable`` names all rows whose
    image can't be decoded, with the reason. ``target`` is the question whose answers are learnt.
    """

    in_split: int
    sampled: int
    used: int
    voted: int
    simulated: int
    without_image: int
    without_targets: int
    unreadable: tuple[str, ...]
    target: str | None = None


@dataclass(frozen=True)
class Examples:
    """Rows of one split that can be learnt from; every sequence is as long as ``ids``.

    ``targets`` are the effective tags, else the suggested ones, or the answers to a question;
    ``texts`` map column names to text, empty ones left out; ``lengths`` count the frames of each
    file. ``notes`` are for people; ``digest`` is that of ids, images, targets and texts.
    ``classes`` are all targets in the order that the layout or the question gives them, if it
    does; ``tags`` those of a run. ``withheld`` are columns of text that give the target away.
    """

    name: str
    ids: tuple[str, ...]
    targets: tuple[frozenset[str], ...]
    texts: tuple[Mapping[str, str], ...]
    lengths: tuple[int, ...]
    frames: Frames
    use: Use
    notes: tuple[str, ...]
    digest: str
    classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def images(self) -> Images:
        """The first picked frame of every row, rows x side x side x 3, all in memory."""
        side = self.frames.side
        frames = [self.frames[row][0] for row in range(len(self))]
        return np.stack(frames) if frames else np.zeros((0, side, side, 3), np.uint8)

    @property
    def truth(self) -> Truth:
        """Rows x tags; targets that are none of ``tags`` are left out."""
        truth = np.zeros((len(self), len(self.tags)), bool)
        column = {tag: n for n, tag in enumerate(self.tags)}
        for row, target in enumerate(self.targets):
            truth[row, [column[tag] for tag in target if tag in column]] = True
        return truth


@dataclass(frozen=True)
class Dataset:
    """A release's folder, or one of another layout that is known (``stickerworks.layouts``).

    ``shuffled`` makes the gate's control: in train, targets and texts are permuted apart from the
    images and from each other, so that how often each occurs stays the same and nothing belongs
    together. Of more than ``at_most`` rows of a split, those with the lowest hash of their id are
    taken. With a ``domain``, rows of another are none of this data set's: VSD2M trains and judges
    real and cartoon stickers apart (section "Experimental Setups"). With a ``target``, what is
    learnt are people's effective answers to that question; rows without one are not used, and no
    text in which a model answers it is read.
    """

    path: Path
    shuffled: bool = False
    seed: int = 0
    at_most: Mapping[str, int] | None = None
    domain: str | None = None
    target: str | None = None

    def read(self, split: str, side: int, pick: Pick, needs_targets: bool = True) -> Examples:
        """Rows of a split with picked frames of ``side`` x ``side`` pixels.

        Every row is read to its end and decoded; what can't be used is counted and named. Raises
        StickerworksError when there is no such data set, a file of it can't be read, or no row of
        the split is of the domain, or the target is no question with choices.
        """
        layout = find_layout(self.path)
        teaching = Teaching(layout, self.path, self.target)
        needs_targets = needs_targets or self.target is not None
        surveyed = [_survey(row) for row in teaching.rows(split)]
        everything, told = self._of_domain(surveyed, split)
        chosen = _sample([row.id for row, _ in everything], self._limit(split))
        taken = [(row, digest) for row, digest in everything if row.id in chosen]
        bare = [row for row, _ in taken]

        def rows() -> Iterator[Row]:
            return (row for row in teaching.rows(split) if row.id in chosen)

        digest = hashlib.sha256(b"".join(one for _, one in taken)).hexdigest()
        table = prepare_frames(rows, digest, side, pick)
        problems = table["problem"].to_pylist()
        keep = [
            problem is None and bool(row.targets or not needs_targets)
            for row, problem in zip(bare, problems, strict=True)
        ]
        used = list(compress(bare, keep))
        use = _count(bare, problems, len(everything), used, needs_targets)
        use = replace(use, target=self.target)
        withheld = withheld_columns(self.target, teaching.classes)
        found = Examples(
            name=split,
            ids=tuple(row.id for row in used),
            targets=tuple(row.targets for row in used),
            texts=tuple(without(row.texts, withheld) for row in used),
            lengths=tuple(compress(table["length"].to_pylist(), keep)),
            frames=Frames(table["frames"], np.flatnonzero(keep).tolist(), side, digest),
            use=use,
            notes=(
                *layout.notes(self.path, split),
                *told,
                *_withheld(withheld),
                *_describe(split, use),
            ),
            digest="",
            classes=teaching.classes,
            withheld=withheld,
        )
        if self.shuffled and split == "train":
            found = shuffle(found, self.seed)
        return replace(found, digest=_digest(found))

    def _of_domain(
        self, rows: list[tuple[Row, bytes]], split: str
    ) -> tuple[list[tuple[Row, bytes]], list[str]]:
        """Rows of the domain, and a note of how many they are."""
        if self.domain is None or not rows:
            return rows, []
        counts = Counter(row.texts["domain"] for row, _ in rows if row.texts.get("domain"))
        if not counts:
            raise StickerworksError(
                f"{self.path} says of none of its {len(rows):,} {split} rows what domain it is of.",
                "Run `stickerworks annotate` and make the release anew, or leave the domain out.",
            )
        if self.domain not in counts:
            there = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
            raise StickerworksError(
                f"{self.path} has no {split} row of the domain {self.domain!r}.",
                f"Name one that it has: {there}.",
            )
        chosen = [(row, digest) for row, digest in rows if row.texts.get("domain") == self.domain]
        counted = f"{len(chosen):,} of {len(rows):,}"
        return chosen, [f"{counted} {split} rows are of the domain {self.domain}"]

    def _limit(self, split: str) -> int:
        return (self.at_most or {}).get(split, EVERY_ROW)


def learnable_tags(train: Examples) -> tuple[str, ...]:
    """The layout's classes, else the tags that stand on two or more train rows, sorted."""
    if train.classes:
        return train.classes
    counts = Counter(tag for target in train.targets for tag in target)
    return tuple(sorted(tag for tag, count in counts.items() if count >= 2))


def shuffle(examples: Examples, seed: int) -> Examples:
    """The same images with targets and texts permuted, each by an order of its own."""
    orders = [np.random.default_rng((seed, n)).permutation(len(examples)) for n in (1, 2)]
    return replace(
        examples,
        targets=tuple(examples.targets[n] for n in orders[0]),
        texts=tuple(examples.texts[n] for n in orders[1]),
        notes=(*examples.notes, f"{examples.name}: targets and texts are shuffled (the control)"),
    )


def choose(examples: Examples, keep: Callable[[int], bool], note: str = "") -> Examples:
    """The rows for whose number ``keep`` is true; ``note`` says why, after the count of others."""
    numbers = [n for n in range(len(examples)) if keep(n)]
    lost = len(examples) - len(numbers)
    if not lost:
        return examples
    notes = (*examples.notes, f"{lost:,} {examples.name} rows {note}") if note else examples.notes
    chosen = replace(
        examples,
        ids=tuple(examples.ids[n] for n in numbers),
        targets=tuple(examples.targets[n] for n in numbers),
        texts=tuple(examples.texts[n] for n in numbers),
        lengths=tuple(examples.lengths[n] for n in numbers),
        frames=examples.frames.only(numbers),
        notes=notes,
    )
    return replace(chosen, digest=_digest(chosen))


def _survey(row: Row) -> tuple[Row, bytes]:
    """A row without its bytes, and their digest: a million files don't fit into memory."""
    return replace(row, data=None), hashlib.sha256(row.data or b"").digest()


def _sample(ids: list[str], at_most: int) -> set[str]:
    if len(ids) <= at_most:
        return set(ids)
    # Ids are hashes of bytes that a stranger chose; hashing again keeps the sample out of reach.
    order = sorted(ids, key=lambda id_: hashlib.sha256(f"sample {id_}".encode()).digest())
    return set(order[:at_most])


def _count(
    rows: list[Row],
    problems: list[str | None],
    in_split: int,
    used: list[Row],
    needs_targets: bool,
) -> Use:
    unreadable = [
        f"{row.id}: {problem}"
        for row, problem in zip(rows, problems, strict=True)
        if problem is not None and row.problem is None
    ]
    return Use(
        in_split=in_split,
        sampled=len(rows),
        used=len(used),
        # A row without any tag is neither voted nor suggested.
        voted=sum(row.voted or not row.targets for row in used),
        simulated=sum(row.simulated for row in used),
        without_image=sum(row.problem is not None for row in rows),
        without_targets=sum(not row.targets for row in rows) if needs_targets else 0,
        unreadable=tuple(unreadable),
    )


def _describe(split: str, use: Use) -> list[str]:
    lines = []
    if use.target:
        lines.append(f"{use.used:,} {split} rows have an effective answer to {use.target}")
    if use.used - use.voted:
        lines.append(f"{use.used - use.voted:,} {split} rows have suggested tags only")
    if use.simulated:
        lines.append(f"{use.simulated:,} {split} rows have simulated votes")
    if use.sampled < use.in_split:
        lines.append(f"{use.sampled:,} of {use.in_split:,} {split} rows were taken")
    if use.used < use.sampled:
        without = "without an effective answer" if use.target else "without tags"
        lines.append(
            f"{use.sampled - use.used:,} of {use.sampled:,} {split} rows were not used: "
            f"{use.without_targets} {without}, {use.without_image} without image, "
            f"{len(use.unreadable)} unreadable"
        )
    lines += [f"unreadable: {line}" for line in use.unreadable[:5]]
    return lines


def _withheld(columns: tuple[str, ...]) -> list[str]:
    if not columns:
        return []
    return [f"not read, since they may give the answer away: {', '.join(columns)}"]


def _digest(examples: Examples) -> str:
    facts = [
        [id_, sorted(targets), sorted(texts.items())]
        for id_, targets, texts in zip(examples.ids, examples.targets, examples.texts, strict=True)
    ]
    return hashlib.sha256(json.dumps([facts, examples.frames.digest]).encode()).hexdigest()
