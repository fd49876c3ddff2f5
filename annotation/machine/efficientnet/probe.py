"""A penalised regression on what a frozen, pretrained network has computed halfway.

With labels of a few hundred stickers from two dozen packs, training the body as well forgets what
pretraining knew and learns the packs: held-out figures fall below those of the plain statistics.
A late block tells photographs from drawings better than the last, which tells objects apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.machine.efficientnet.samples import DomainSample
from annotation.machine.features import FEATURES

Floats = NDArray[np.float64]

PENALTIES = (0.001, 0.003, 0.01)


def with_probe(model: Any, block: int) -> Any:
    """Add a head for the mean and spread of each channel after ``block`` and the statistics."""
    import torch
    from torch import nn

    channels = model.efficientnet.encoder.blocks[block - 1].projection.project_bn.num_features
    head = nn.Linear(2 * channels + len(FEATURES), 1)
    head.register_buffer("mean", torch.zeros(head.in_features))
    head.register_buffer("scale", torch.ones(head.in_features))
    model.probe, model.probe_block = head, block
    return model


def probe_features(model: Any, pixels: Any, statistics: Any) -> Any:
    """What the head reads of each row of ``pixels``."""
    import torch

    hidden = model.efficientnet.embeddings(pixels)
    for block in model.efficientnet.encoder.blocks[: model.probe_block]:
        hidden = block(hidden)
    return torch.cat([hidden.mean((2, 3)), hidden.std((2, 3), correction=0), statistics], dim=1)


def probe_log_odds(model: Any, pixels: Any, statistics: Any) -> Any:
    """Log-odds of real of each row of ``pixels``."""
    head = model.probe
    return head((probe_features(model, pixels, statistics) - head.mean) / head.scale)[:, 0]


def fit_probe(model: Any, samples: Sequence[DomainSample], features: Floats) -> None:
    """Fit the head to the mean features of each sample, both domains weighing the same.

    The penalty is the one whose held-out AUC is best, by folds over the groups of ``samples``.
    """
    import torch

    real = np.array([sample.real for sample in samples])
    scaler, regression = _fit(features, real, choose_penalty(samples, features))
    head = model.probe
    with torch.no_grad():
        head.mean.copy_(torch.from_numpy(scaler.mean_))
        head.scale.copy_(torch.from_numpy(scaler.scale_))
        head.weight.copy_(torch.from_numpy(regression.coef_))
        head.bias.copy_(torch.from_numpy(regression.intercept_))


def choose_penalty(samples: Sequence[DomainSample], features: Floats) -> float:
    """The best of PENALTIES; the middle one where too few groups are there to compare them."""
    from sklearn.metrics import roc_auc_score

    from annotation.machine.efficientnet.folds import assign_folds

    real = np.array([sample.real for sample in samples])
    folds = assign_folds([sample.group for sample in samples], real.tolist(), 4)
    parts = [(folds != fold, folds == fold) for fold in np.unique(folds)]
    if any(len(set(real[learn].tolist())) < 2 for learn, _ in parts):
        return PENALTIES[1]
    quality = []
    for penalty in PENALTIES:
        odds = np.zeros(len(real))
        for learn, ask in parts:
            scaler, regression = _fit(features[learn], real[learn], penalty)
            odds[ask] = regression.decision_function(scaler.transform(features[ask]))
        quality.append(roc_auc_score(real, odds))
    return PENALTIES[int(np.argmax(quality))]


def _fit(features: Floats, real: NDArray[np.bool_], penalty: float) -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    regression = LogisticRegression(C=penalty, class_weight="balanced", max_iter=2000)
    return scaler, regression.fit(scaler.transform(features), real)
