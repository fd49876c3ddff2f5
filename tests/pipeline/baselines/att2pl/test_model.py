"""Att2PL as a whole: switches, gradients, ablations, sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.baselines.att2pl.attention import ChannelAttention, SelfAttention, SpatialAttention
from pipeline.baselines.att2pl.config import PRESETS
from pipeline.baselines.att2pl.model import Att2pl
from pipeline.baselines.att2pl.reattention import spread
from pipeline.baselines.att2pl.trainer import BASELINE
from pipeline.engine.errors import StickerworksError
from pipeline.training.tagger import Inputs

# Twelve layers; positions, two token types and a norm. Words are not among them.
BERT = 12 * 7_087_872 + (512 + 2 + 2) * 768


def make(**changes: Any) -> Att2pl:
    torch.manual_seed(0)
    return Att2pl(replace(PRESETS["tiny"], **changes), 5)


@pytest.mark.parametrize("backbone", ["swin", "vit", "deit", "beit"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attention": "spatial"},
        {"attention": "channel"},
        {"attention": "self"},
        {"attention": "none"},
        {"masking": "random"},
        {"prompt": False},
        {"classifier": "pool"},
        {"classifier": "pool", "prompt": False},
        {"main_loss": "softmax_mean"},
        {"main_loss": "bce"},
        {"main_loss": "asl", "penalty": "signed"},
        {"penalty": "none"},
        {"lambda_rec": 0.0},
        {"detach_renewed": True},
        {"detach_renewed": True, "lambda_rec": 0.0},
    ],
    ids=str,
)
def test_every_switch_runs_forward_and_backward(
    backbone: str, changes: dict[str, Any], inputs: Inputs, truth: Tensor
) -> None:
    model = make(backbone=backbone, **changes)
    loss = BASELINE.loss(model, inputs, truth)
    loss.backward()
    assert loss.isfinite()
    # Without masked passes, or with nothing that learns from them, these two have no part.
    learns = model.config.lambda_rec > 0 or not model.config.detach_renewed
    idle = model.config.attention != "lor" or not learns
    for name, weight in model.named_parameters():
        unused = "mask_token" in name or name.startswith("encoder.head")
        assert (weight.grad is None) == (idle and unused), name
    model.eval()
    with torch.inference_mode():
        scores = BASELINE.scores(model, inputs)
    assert scores.shape == (3, 5)
    assert bool(((scores >= 0) & (scores <= 1)).all())
    distribution = model.config.main_loss in {"softmax", "softmax_mean"}
    assert torch.allclose(scores.sum(1), torch.ones(3)) == distribution


def bright(inputs: Inputs, **changes: Any) -> tuple[Att2pl, Inputs]:
    """A model in doubles whose head draws bright images, and bright images."""
    model = make(**changes).double().eval()
    model.encoder.head[0].bias.data += 3  # type: ignore[index, union-attr]
    return model, Inputs(0.7 + 0.1 * inputs.images.double(), inputs.text.double())


@pytest.mark.parametrize("name", ["head.0.weight", "body.embeddings.mask_token"])
def test_the_published_loss_reaches_what_draws_hidden_patches_through_r(
    name: str, inputs: Inputs, truth: Tensor
) -> None:
    model, seen = bright(inputs, lambda_rec=0.0, penalty="none")

    def main() -> Tensor:  # in doubles, unlike the trainer's
        return -(truth * model(*seen).logits.log_softmax(1)).sum(1).mean()

    BASELINE.loss(model, seen, truth).backward()
    weight = model.encoder.get_parameter(name)
    assert weight.grad is not None
    norm = float(weight.grad.norm())
    assert norm > 1e-6
    step, losses = 1e-3 * weight.grad / norm, []
    with torch.no_grad():
        for side in (1, -2):
            weight += side * step
            losses.append(float(main()))
    assert (losses[0] - losses[1]) / 2e-3 == pytest.approx(norm, rel=1e-3)


def test_r_can_be_a_constant(inputs: Inputs, truth: Tensor) -> None:
    gradients = {}
    for detach in (False, True):
        model, seen = bright(inputs, lambda_rec=0.0, detach_renewed=detach)
        BASELINE.loss(model, seen, truth).backward()
        gradients[detach] = {name: weight.grad for name, weight in model.named_parameters()}
    drawing = {name for name in gradients[True] if "mask_token" in name or "encoder.head" in name}
    assert len(drawing) == 3
    assert {name for name, grad in gradients[True].items() if grad is None} == drawing
    encoder = "encoder.body.embeddings.norm.weight"
    assert not torch.allclose(gradients[True][encoder], gradients[False][encoder], rtol=1e-2)


def test_masked_passes_learn_unless_nothing_can_be_learnt_from_them(inputs: Inputs) -> None:
    for weight, detach in ((1.0, False), (1.0, True), (0.0, False), (0.0, True)):
        output = make(lambda_rec=weight, detach_renewed=detach)(*inputs)
        assert output.renewed.requires_grad == (not detach)
        assert output.reconstruction.requires_grad == (weight > 0 or not detach)


def test_r_multiplies_the_embeddings_of_its_patch(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make().eval()
    encode, seen = model.encoder.encode, []

    def watch(pixels: Tensor, change: Any = None) -> Tensor:
        def note(embedded: Tensor) -> Tensor:
            seen.append((embedded, change(embedded)))
            return seen[-1][1]

        return encode(pixels, note)

    monkeypatch.setattr(model.encoder, "encode", watch)
    with torch.no_grad():
        renewed = model(*inputs).renewed
    assert renewed is not None
    [(before, after)] = seen
    assert torch.allclose(after, before * spread(renewed, 16)[..., None])
    assert not torch.allclose(after, before)


def test_all_masked_passes_are_one_batch(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = make(), []
    model.encoder.body.register_forward_hook(
        lambda module, args, kwargs, result: sizes.append(len(kwargs["pixel_values"])),
        with_kwargs=True,
    )
    model(*inputs)
    assert sizes == [model.config.groups * 3, 3]


def test_scores_repeat_and_don_t_depend_on_the_rest_of_the_batch(inputs: Inputs) -> None:
    model = make().eval()
    with torch.no_grad():
        scores = BASELINE.scores(model, inputs)
        assert torch.equal(scores, BASELINE.scores(model, inputs))
        alone = [
            BASELINE.scores(model, Inputs(*(part[n : n + 1] for part in inputs))) for n in (2, 0)
        ]
    assert torch.allclose(torch.cat(alone), scores[[2, 0]], atol=1e-5)


def test_a_generator_repeats_the_groups_of_training(inputs: Inputs) -> None:
    model = make()
    once, again, other = (
        model(*inputs, generator=torch.Generator().manual_seed(seed)).renewed for seed in (1, 1, 2)
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_without_lor_nothing_is_hidden_or_weighed(
    inputs: Inputs, truth: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(attention="none")

    def never(*args: Any) -> Tensor:
        raise AssertionError("a pass that has no use")

    monkeypatch.setattr(model.encoder, "predict", never)
    output, plain = model(*inputs), model.original_logits(*inputs)
    assert (output.renewed, output.reconstruction) == (None, None)
    assert torch.allclose(output.logits, plain, atol=1e-5)
    monkeypatch.setattr(model, "original_logits", never)
    expected = -(truth * plain.log_softmax(1)).sum(1).mean()
    loss = float(BASELINE.loss(model, inputs, truth).detach())
    assert loss == pytest.approx(float(expected), rel=1e-5)


def test_without_prompts_texts_say_nothing(inputs: Inputs) -> None:
    config = replace(PRESETS["tiny"], prompt=False)
    assert BASELINE.texts(config) is None
    model = make(prompt=False).eval()
    assert not any("learnt" in name or "text" in name for name in model.state_dict())
    with torch.no_grad():
        bare = model(inputs.images, torch.zeros(3, 0, 0)).logits
        assert torch.equal(model(*inputs).logits, bare)
        assert model.prompted(inputs.text, torch.zeros(3, 4, 128)).shape == (3, 6, 32)


def test_with_prompts_each_description_counts(inputs: Inputs) -> None:
    config = PRESETS["tiny"]
    views = BASELINE.texts(config)
    spec = views.encoder
    assert views.views == ("content", "style", "role", "action")
    assert spec is not None
    assert (spec.name, spec.dim, spec.pool) == ("hashed", 32, "masked")
    model = make().eval()
    assert torch.equal(model.prompted.learnt, torch.zeros(4, 32))  # type: ignore[arg-type]
    with torch.no_grad():
        first = model(*inputs).logits
        for view in range(4):
            changed = inputs.text.clone()
            changed[:, view, view] += 1  # of all figures alike, the norm would take it away
            assert not torch.allclose(model(inputs.images, changed).logits, first, atol=1e-5)


def test_p_k_changes_what_is_said_of_one_sticker_and_not_of_all_alike(inputs: Inputs) -> None:
    for changes in ({}, {"classifier": "pool"}):
        model = make(**changes).double().eval()
        seen = Inputs(*(part.double() for part in inputs))
        torch.manual_seed(1)
        for weight in model.parameters():  # as after some training
            weight.data += 0.3 * torch.randn_like(weight)
        with torch.no_grad():
            before = model(*seen).logits
            for view in range(4):
                model.prompted.learnt.data.zero_()[view, ::4] = 9  # type: ignore[union-attr]
                change = model(*seen).logits - before
                spread = float((change - change.mean(0)).abs().max() / change.abs().max())
                if changes:  # nothing that the bias of the linear layer couldn't do
                    assert spread < 1e-12
                else:
                    assert spread > 0.01
            if not changes:
                after = model(*seen).logits
                assert not torch.equal(before.argsort(1), after.argsort(1))


def test_h_is_cls_prompts_patches_and_sep_in_order(inputs: Inputs) -> None:
    model = make(text_dim=128, bert_heads=4)
    text, hidden = torch.randn(3, 4, 128), torch.randn(3, 4, 128)
    model.prompted.learnt.data += 1  # type: ignore[union-attr]
    sequence = model.prompted(text, hidden)
    assert torch.equal(sequence[:, 0], model.prompted.cls.expand(3, -1))
    assert torch.equal(sequence[:, 1:5], text + 1)
    assert torch.equal(sequence[:, 5:9], hidden)
    assert torch.equal(sequence[:, 9], model.prompted.sep.expand(3, -1))


def test_text_features_of_another_shape_are_refused(inputs: Inputs) -> None:
    with pytest.raises(StickerworksError, match=r"\(3, 3, 32\)\. Give rows x content.*\(3, 4, 32"):
        make()(inputs.images, inputs.text[:, :3])


def test_without_penalty_the_loss_is_main_and_reconstruction(
    inputs: Inputs, truth: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = {}
    for penalty in ("none", "hinge", "signed"):
        model = make(penalty=penalty, lambda_rec=2.0).eval()
        # More confident in everything that is true than any model of so few steps.
        sure = 50 * truth
        monkeypatch.setattr(model, "original_logits", lambda images, text, sure=sure: sure)
        losses[penalty] = float(BASELINE.loss(model, inputs, truth).detach())
        output = model(*inputs)
        main = -(truth * output.logits.log_softmax(1)).sum(1).mean()
        rest = float((main + 2 * output.reconstruction).detach())
        before = sure.softmax(1)
        gaps = truth * (before - output.logits.softmax(1))
        fall = {"none": 0.0, "hinge": float(gaps.relu().sum(1).mean().detach())}
        fall["signed"] = float(gaps.sum(1).mean().detach())
        assert losses[penalty] == pytest.approx(rest + fall[penalty], rel=1e-5)
    assert losses["hinge"] > losses["none"]


def test_the_original_pass_is_plain_and_without_gradient(inputs: Inputs) -> None:
    model = make().eval()
    model.encoder.head[0].bias.data += 3  # type: ignore[index, union-attr]
    inputs = Inputs(0.7 + 0.1 * inputs.images, inputs.text)  # bright, as the head now draws
    original = model.original_logits(*inputs)
    assert not original.requires_grad
    plain = make(attention="none").eval()
    plain.load_state_dict(model.state_dict())
    assert torch.allclose(original, plain(*inputs).logits, atol=1e-5)
    assert not torch.allclose(original, model(*inputs).logits, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "body", "rest"),
    [
        # Beside the backbone: the head, [CLS], [SEP], four prompts and the classifier.
        ({}, 27_519_450, BERT + 769 * 3072 + 6 * 768 + 769 * 461),
        ({"classifier": "pool"}, 27_519_450, 769 * 3072 + 6 * 768 + 769 * 461),
        ({"backbone": "vit"}, 85_799_424, BERT + 769 * 768 + 6 * 768 + 769 * 461),
        ({"backbone": "deit"}, 85_800_960, BERT + 769 * 768 + 6 * 768 + 769 * 461),
        ({"backbone": "beit"}, 85_762_752, BERT + 769 * 768 + 6 * 768 + 769 * 461),
    ],
)
def test_the_paper_s_shapes_have_the_published_sizes(
    changes: dict[str, Any], body: int, rest: int
) -> None:
    with torch.device("meta"):
        model = Att2pl(replace(PRESETS["paper"], **changes), 461)
    assert sum(weight.numel() for weight in model.encoder.body.parameters()) == body
    assert sum(weight.numel() for weight in model.parameters()) == body + rest


@pytest.mark.parametrize(("name", "millions"), [("small", 9.1), ("tiny", 0.77)])
def test_the_other_presets_are_small(name: Any, millions: float) -> None:
    with torch.device("meta"):
        model = Att2pl(PRESETS[name], 461)
    found = sum(weight.numel() for weight in model.parameters()) / 1e6
    assert found == pytest.approx(millions, rel=0.05)


def test_table_3_s_attentions_do_what_they_are_called() -> None:
    torch.manual_seed(0)
    embedded = torch.randn(2, 16, 6)
    spatial = SpatialAttention(4)(embedded) / embedded
    assert torch.allclose(spatial, spatial[..., :1].expand(-1, -1, 6), atol=1e-5)
    channel = ChannelAttention(6)(embedded) / embedded
    assert torch.allclose(channel, channel[:, :1].expand(-1, 16, -1), atol=1e-5)
    assert not torch.allclose(spatial[:, 0], spatial[:, 1], atol=1e-3)
    assert not torch.allclose(channel[..., 0], channel[..., 1], atol=1e-3)
    attend, order = SelfAttention(6), torch.randperm(16)
    assert torch.allclose(attend(embedded[:, order]), attend(embedded)[:, order], atol=1e-5)
    other = embedded.clone()
    other[:, 0] = torch.randn(2, 6)
    assert not torch.allclose(attend(other)[:, 5], attend(embedded)[:, 5], atol=1e-4)


def test_self_attention_takes_the_weights_of_runs_that_called_its_layers_otherwise() -> None:
    model, other = (torch.nn.ModuleDict({"attention": SelfAttention(6)}) for _ in range(2))
    state = {
        name.replace("query_key_value", "ask").replace("output", "answer"): value
        for name, value in model.state_dict().items()
    }
    assert "attention.ask.weight" in state
    other.load_state_dict(state)
    embedded = torch.randn(2, 16, 6)
    assert torch.equal(other["attention"](embedded), model["attention"](embedded))
