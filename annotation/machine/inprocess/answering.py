"""Questions answered a batch at once; what goes wrong costs only the question that it's about."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

from annotation.machine.chat import Answer, Question
from annotation.machine.inprocess.loading import Loaded
from annotation.machine.inprocess.messages import strip_thought, to_conversation
from annotation.machine.inprocess.options import InProcessOptions
from annotation.machine.inprocess.steering import Chance, Drawing, Ending, choose_chance
from pipeline.engine.errors import StickerworksError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class _Asked:
    question: Question
    conversation: list[dict[str, Any]]
    chance: Chance


@dataclass(frozen=True)
class _Failure:
    reason: str
    memory: bool = False


class Answering:
    """A loaded model and how many questions it can take at once; used by one thread."""

    def __init__(self, loaded: Loaded, options: InProcessOptions) -> None:
        self._loaded: Loaded | None = loaded
        self._options = options
        self._stopped = Event()
        self._most = self._least = options.batch

    @property
    def most(self) -> int:
        """How many questions to ask at once: ``batch``, or fewer since memory ran out."""
        return self._most

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answers in the order of the questions, without ``seconds``."""
        # One enormous question must not make all batches after it batches of one.
        self._least = (self._most + 1) // 2
        prepared = [self._prepare(question) for question in questions]
        answers = iter(self._answer([one for one in prepared if isinstance(one, _Asked)]))
        return [next(answers) if isinstance(one, _Asked) else one for one in prepared]

    def stop(self) -> None:
        """End what is being generated after its next token; called from any thread."""
        self._stopped.set()

    def free(self) -> None:
        """Let go of the model and its memory."""
        self._loaded = None
        _free_memory()

    @property
    def _with(self) -> Loaded:
        if self._loaded is None:
            raise StickerworksError("The model was closed.", "Run the same command again.")
        return self._loaded

    def _prepare(self, question: Question) -> _Asked | Answer:
        from PIL import Image

        try:
            conversation = to_conversation(question, self._with.control, self._options.max_pixels)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            return _failed(f"a picture can't be read: {_line(error)}")
        return _Asked(question, conversation, choose_chance(question, self._options.temperature))

    def _answer(self, asked: Sequence[_Asked]) -> list[Answer]:
        if not asked:
            return []
        outcome = self._try(asked)
        if not isinstance(outcome, _Failure):
            return outcome
        if len(asked) == 1:
            return [_failed(outcome.reason)]
        size = (len(asked) + 1) // 2 if outcome.memory else 1
        if outcome.memory:
            self._most = max(self._least, min(self._most, size))
            _free_memory()
        parts = [asked[first : first + size] for first in range(0, len(asked), size)]
        return [answer for part in parts for answer in self._answer(part)]

    def _try(self, asked: Sequence[_Asked]) -> list[Answer] | _Failure:
        import torch
        from jinja2 import TemplateError

        try:
            return self._generate(asked)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error):
                return _Failure(f"no memory left on {self._with.device}: {_line(error)}", True)
            if isinstance(error, torch.AcceleratorError):
                raise StickerworksError(
                    f"The device {self._with.device} failed: {_line(error)}.",
                    "Run the same command again; what was answered is kept.",
                ) from error
            return _Failure(_line(error))
        except (ValueError, TypeError, LookupError, OSError, TemplateError) as error:
            return _Failure(_line(error))

    def _generate(self, asked: Sequence[_Asked]) -> list[Answer]:
        prompts = self._write_prompts(asked)
        lengths: list[int] = prompts["attention_mask"].sum(-1).tolist()
        context = self._with.context or sys.maxsize
        fits = [length < context for length in lengths]
        if not all(fits):
            short = [one for one, fit in zip(asked, fits, strict=True) if fit]
            answers = iter(self._generate(short) if short else [])
            why = f"more than the model's context of {context} tokens"
            return [
                next(answers) if fit else _failed(f"the prompt has {length} tokens, {why}", length)
                for fit, length in zip(fits, lengths, strict=True)
            ]
        limits = [
            min(one.question.max_tokens, context - length)
            for one, length in zip(asked, lengths, strict=True)
        ]
        said = self._continue(prompts, limits, [one.chance for one in asked])
        opened = self._opens_thought(prompts["input_ids"][0])
        return [
            self._read(row[:limit], length, opened)
            for row, limit, length in zip(said, limits, lengths, strict=True)
        ]

    def _write_prompts(self, asked: Sequence[_Asked]) -> Any:
        processor = self._with.processor
        knows = "enable_thinking" in str(processor.chat_template)
        thinking = {"enable_thinking": self._options.enable_thinking} if knows else {}
        return processor.apply_chat_template(
            [one.conversation for one in asked],
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=True,
            processor_kwargs={"padding": True},
            **thinking,
        )

    def _continue(
        self, prompts: Any, limits: Sequence[int], chances: Sequence[Chance]
    ) -> list[list[int]]:
        """Token ids that follow each prompt, up to the longest limit."""
        import torch

        loaded = self._with
        width = prompts["input_ids"].shape[1]
        usual = loaded.model.generation_config
        draws = any(chance.temperature > 0 for chance in chances)
        drawing = Drawing(chances, loaded.device, usual.top_k or 0, usual.top_p or 1.0)
        with torch.inference_mode():
            ids = loaded.model.generate(
                **prompts.to(loaded.device, dtype=loaded.model.dtype),
                max_new_tokens=max(limits),
                do_sample=False,  # Drawing draws
                num_beams=1,
                eos_token_id=sorted(loaded.ends) or None,
                pad_token_id=loaded.processor.tokenizer.pad_token_id,
                logits_processor=[drawing] if draws else [],
                stopping_criteria=[Ending(limits, width, self._stopped)],
            )
        rows: list[list[int]] = ids[:, width:].tolist()
        return rows

    def _opens_thought(self, prompt: Tensor) -> bool:
        end: str = self._with.processor.tokenizer.decode(prompt[-8:])
        return end.rstrip().endswith("<think>")

    def _read(self, said: list[int], length: int, opened: bool) -> Answer:
        ends = self._with.ends
        stop = next((place for place, token in enumerate(said) if token in ends), None)
        tokens = said if stop is None else said[: stop + 1]
        text = self._with.processor.tokenizer.decode(tokens, skip_special_tokens=True)
        return Answer(
            text=strip_thought(text, opened),
            finish="length" if stop is None else "stop",
            tokens_in=length,
            tokens_out=len(tokens),
        )


def _failed(reason: str, tokens_in: int | None = None) -> Answer:
    return Answer(None, tokens_in=tokens_in, error=reason)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
