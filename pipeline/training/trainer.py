"""What each command does with a baseline: prepare, train and judge, load, evaluate, predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import is_ours, plugin_faults
from pipeline.training.arrays import Images
from pipeline.training.contract import (
    Attends,
    Baseline,
    Evaluation,
    GateScore,
    Generates,
    HeatMaps,
    Judges,
    Learner,
    NewSticker,
    NotJudgedError,
    Picks,
    Prediction,
    Reads,
    Resolves,
    Run,
    Selects,
    Settings,
    Trained,
    UnreadableImageError,
)
from pipeline.training.estimators import load_model
from pipeline.training.examples import Dataset, Examples, Use, learnable_tags
from pipeline.training.frames import KEY_FRAME
from pipeline.training.loop import train_model
from pipeline.training.prepared import read_files
from pipeline.training.tagging import (
    describe_few,
    evaluate_tags,
    judge_tags,
    rank_tags,
    score_tags,
    undecided,
)

S = TypeVar("S", bound=Settings)
_AT_LEAST = 8


@dataclass(frozen=True)
class Prepared:
    """What ``train`` fits: rows, and in ``facts`` what a trained model needs to know.

    ``facts`` is JSON-able and names the data (a digest), so that a run is never continued on
    other data. ``notes`` are for people. ``settings`` are those that files named in them called
    for.
    """

    train: Examples
    validation: Examples
    settings: Any
    facts: dict[str, Any]
    notes: tuple[str, ...]


def prepare(baseline: Learner[S, Any], dataset: Dataset, settings: S) -> Prepared:
    """Read what a baseline learns from; raises StickerworksError when that is nothing."""
    settings, resolved = _resolve(baseline, settings)
    selection = baseline.selection(settings) if isinstance(baseline, Selects) else None
    watched = selection.split if selection else "validation"
    train, validation = (_read(baseline, dataset, part, settings) for part in ("train", watched))
    reason = _lacks(baseline, train, settings)
    if reason:
        raise StickerworksError(
            f"{dataset.path} has nothing to learn: {reason}.",
            "Choose another release or baseline; `stickerworks validate` says what became of the "
            "rows.",
        )
    counted = f"{len(train):,} train and {len(validation):,} {validation.name} rows"
    notes = [counted + (f", {len(train.tags):,} tags" if train.tags else "")]
    notes += [*train.notes, *validation.notes, *resolved]
    if selection and watched == "test":
        notes.append("the epoch is chosen by the test split: its figures there are no test")
    tags = {"tags": list(train.tags)} if isinstance(baseline, Baseline) else {}
    facts = {**tags, "data": [train.digest, validation.digest]}
    validation = replace(validation, tags=train.tags)
    return Prepared(train, validation, settings, facts, tuple(notes))


def fit(baseline: Learner[S, Any], train: Examples, settings: S, run: Run) -> Any:
    """The fitted model; raises FloatingPointError where it diverges."""
    with _faults(baseline, "while it fitted"):
        model = baseline.fit(train, settings, run)
        if model is None:
            raise TypeError("its fit gives nothing, where a model is needed")
        return model


def judge(baseline: Learner[S, Any], dataset: Dataset, settings: S, seed: int) -> GateScore:
    """Fit, and judge the validation rows by the last epoch; nothing is chosen by them.

    Gives the same for the same arguments. Raises NotJudgedError when the data allow no judgement.
    """
    settings, _ = _resolve(baseline, settings)
    train, validation = (
        _read(baseline, dataset, split, settings) for split in ("train", "validation")
    )
    validation = replace(validation, tags=train.tags)
    uses = {"train": train.use, "validation": validation.use}
    reason = _too_few(uses) or _unjudgeable(baseline, train, validation, settings)
    if reason:
        raise NotJudgedError(reason, uses)
    run = Run(seed, validation, train_model)
    model = fit(baseline, train, settings, run)
    notes = list(run.notes)
    if isinstance(baseline, Judges):
        with _faults(baseline, "while it judged validation rows"):
            judged = baseline.judge(model, validation, settings)
    else:
        assert isinstance(baseline, Baseline)
        judged = judge_tags(score_tags(baseline, model, validation, settings), validation.truth)
        notes = [*describe_few(train.tags), *notes]
    if isinstance(baseline, Reads):  # what it left out by itself is in no count
        notes += [*train.notes, *validation.notes]
    return GateScore(judged, len(validation), run.curve, uses, tuple(notes), train.tags)


def evaluate(baseline: Learner[S, Any], run: Trained, dataset: Dataset, split: str) -> Evaluation:
    """Metrics of a trained model; raises StickerworksError when the split has no usable row."""
    examples = _read(baseline, dataset, split, run.settings)
    if not len(examples):
        raise StickerworksError(
            f"The split {split!r} of {dataset.path} has no usable row of {examples.use.in_split}.",
            "Name another one with --split: train, validation, test or a named test set.",
        )
    examples = replace(examples, tags=tuple(run.facts.get("tags", ())))
    model = load_model(baseline, run)
    if isinstance(baseline, Judges):
        with _faults(baseline, f"while it judged {split} rows"):
            found = baseline.evaluate(model, examples, run.settings)
    else:
        assert isinstance(baseline, Baseline)
        scores = score_tags(baseline, model, examples, run.settings)
        found = evaluate_tags(baseline, scores, examples)
    return replace(found, notes=(*examples.notes, *found.notes))


def predict(
    baseline: Baseline[Any, Any], run: Trained, stickers: Sequence[NewSticker]
) -> list[Prediction]:
    """Tags of new stickers; raises UnreadableImageError for the first that can't be decoded."""
    if not run.facts["tags"]:
        raise StickerworksError(
            "This run can't tag: no tag stood on two or more of its train rows.",
            "Train on a release with tags.",
        )
    examples = new_examples(baseline, run, stickers)
    scores = score_tags(baseline, load_model(baseline, run), examples, run.settings)
    return rank_tags(scores, examples.tags)


def show_attention(
    baseline: Attends[Any, Any], run: Trained, stickers: Sequence[NewSticker]
) -> list[HeatMaps]:
    """Where a trained model looks at new stickers; raises as ``predict``."""
    assert isinstance(baseline, Learner)
    examples = new_examples(baseline, run, stickers)
    model = load_model(baseline, run)
    with _faults(baseline, "while it drew its attention"):
        return baseline.attention(model, examples, run.settings)


def generate(
    baseline: Generates[Any, Any], run: Trained, captions: Sequence[str], seed: int
) -> list[Images]:
    """Clips that a trained model draws of captions."""
    assert isinstance(baseline, Learner)
    model = load_model(baseline, run)
    with _faults(baseline, "while it generated"):
        return baseline.generate(model, captions, run.settings, seed)


def new_examples(
    baseline: Learner[Any, Any], run: Trained, stickers: Sequence[NewSticker]
) -> Examples:
    """New stickers as rows without truth; raises UnreadableImageError for a broken one."""
    pick = baseline.pick if isinstance(baseline, Picks) else KEY_FRAME
    files = [sticker.data for sticker in stickers]
    frames, lengths, problems = read_files(files, run.settings.image_side, pick)
    for number, problem in enumerate(problems):
        if problem is not None:
            raise UnreadableImageError(number, problem)
    count = len(stickers)
    return Examples(
        name="new",
        ids=tuple(map(str, range(count))),
        targets=(frozenset(),) * count,
        texts=tuple(sticker.texts for sticker in stickers),
        lengths=lengths,
        frames=frames,
        use=Use(count, count, count, 0, 0, 0, 0, ()),
        notes=(),
        digest="",
        tags=tuple(run.facts["tags"]),
    )


def _resolve(baseline: Learner[S, Any], settings: S) -> tuple[S, tuple[str, ...]]:
    if not isinstance(baseline, Resolves):
        return settings, ()
    with _faults(baseline, "while it resolved its settings"):
        return baseline.resolve(settings)


def _faults(baseline: Learner[Any, Any], doing: str) -> AbstractContextManager[None]:
    """Tell what a baseline raises as its own fault; what goes wrong in ours is ours to tell."""
    if is_ours("baselines", baseline.name):
        return nullcontext()
    passing = (FloatingPointError, NotJudgedError, UnreadableImageError)
    return plugin_faults("baselines", baseline.name, doing, passing)


def _read(baseline: Learner[S, Any], dataset: Dataset, split: str, settings: S) -> Examples:
    """Rows of a split that a baseline can learn from; those of train know the tags."""
    if isinstance(baseline, Reads):
        with _faults(baseline, f"while it read {split} rows"):
            found = baseline.read(dataset, split, settings)
    else:
        found = dataset.read(split, settings.image_side, KEY_FRAME)
    if split == "train" and isinstance(baseline, Baseline):
        found = replace(found, tags=learnable_tags(found))
    return found


def _lacks(baseline: Learner[S, Any], train: Examples, settings: S) -> str | None:
    """Why there is nothing to learn, if so."""
    if isinstance(baseline, Reads):
        return baseline.lacks(train, settings, 1)
    if not train.tags:
        bare = train.use.without_image
        hint = f" ({bare} more carry no image: crawl.sources[].redistribute)" if bare else ""
        return f"no tag stands on two or more of the {len(train)} usable train rows{hint}"
    return None


def _unjudgeable(
    baseline: Learner[S, Any], train: Examples, validation: Examples, settings: S
) -> str | None:
    if not isinstance(baseline, Reads):
        return undecided(train, validation)
    reasons = (baseline.lacks(part, settings, _AT_LEAST) for part in (train, validation))
    return next((reason for reason in reasons if reason), None)


def _too_few(uses: Mapping[str, Use]) -> str | None:
    """Why a split has too few rows to learn from or to be judged on, if so."""
    for split, use in uses.items():
        if use.used < _AT_LEAST:
            return (
                f"{split} has {use.used} usable rows of {use.in_split}; {_AT_LEAST} are needed "
                f"({use.without_targets} have no tags, {use.without_image} no image, "
                f"{len(use.unreadable)} can't be decoded)"
            )
    return None
