"""The domain classifier as a file: a logistic regression on the statistics of features.py."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular

SHIPPED = Path(__file__).with_name("domain_model.json")
FORMAT = "stickerworks-domain/1"
_MAX_BYTES = 1_000_000
_REMEDY = (
    "Train one with `stickerworks annotate domain --train`, or set annotate.domain_model to null "
    "for the one that is shipped."
)


@dataclass(frozen=True)
class Term:
    """One statistic: how it is standardised and what it weighs (in log-odds of real)."""

    name: str
    mean: float
    scale: float
    coefficient: float


@dataclass(frozen=True)
class DomainModel:
    """Log-odds of real are ``intercept`` plus the standardised, weighted statistics."""

    name: str
    version: str
    intercept: float
    terms: tuple[Term, ...]
    digest: str

    @property
    def title(self) -> str:
        """What the ``model`` column says: name, version and the file's first hex digits."""
        return f"{self.name}/{self.version} sha256:{self.digest[:12]}"

    def probability(self, statistics: dict[str, float]) -> float:
        """Probability of real, rounded so that processors can't disagree about it."""
        terms = (
            term.coefficient * (statistics[term.name] - term.mean) / term.scale
            for term in self.terms
        )
        odds = self.intercept + math.fsum(terms)
        return round(1 / (1 + math.exp(-max(-50.0, min(50.0, odds)))), 6)


def load_model(path: Path) -> DomainModel:
    """Read and check a model file; StickerworksError says what is wrong with it."""
    from annotation.machine.features import FEATURES

    content = _read(path)
    try:
        raw = json.loads(content)
        _expect(isinstance(raw, dict), "it is not a JSON object")
        _expect(raw.get("format") == FORMAT, f'its "format" is not "{FORMAT}"')
        terms = tuple(_term(item) for item in raw["terms"])
        names = [term.name for term in terms]
        unknown = sorted(set(names) - set(FEATURES))
        _expect(not unknown, f"it uses statistics that are not measured: {', '.join(unknown)}")
        _expect(len(set(names)) == len(names) > 0, "its terms are empty or named twice")
        return DomainModel(
            name=_label(raw["name"]),
            version=_label(raw["version"]),
            intercept=_number(raw["intercept"]),
            terms=terms,
            digest=hashlib.sha256(content).hexdigest(),
        )
    except KeyError as error:
        reason = f"it has no {error}"
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error)
    raise StickerworksError(f"The domain model {path} can't be used: {reason}.", _REMEDY)


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, _MAX_BYTES)
    except OSError as error:
        raise StickerworksError(
            f"The domain model {path} can't be read: {error.strerror}.", _REMEDY
        ) from error


def _term(item: dict[str, Any]) -> Term:
    term = Term(
        _label(item["statistic"]),
        _number(item["mean"]),
        _number(item["scale"]),
        _number(item["coefficient"]),
    )
    _expect(term.scale > 0, f"the scale of {term.name} is not positive")
    return term


def _number(value: object) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    _expect(known and math.isfinite(float(value)), f"{value!r} is not a finite number")  # type: ignore[arg-type]
    return float(value)  # type: ignore[arg-type]


def _label(value: object) -> str:
    _expect(isinstance(value, str) and 0 < len(value) <= 80, f"{value!r} is not a short name")
    return str(value)


def _expect(fine: bool, complaint: str) -> None:
    if not fine:
        raise ValueError(complaint)
