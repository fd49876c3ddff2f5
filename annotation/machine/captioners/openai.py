"""A model behind an OpenAI-compatible endpoint (vLLM, SGLang, a service), asked over HTTP."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from typing import Any

from annotation.machine.captioner import Captioner
from annotation.machine.chat import Answer, Message, Model, Question
from annotation.machine.served.body import UNTHINKING, Dialect, read_response, request_body
from annotation.machine.served.news import listener
from annotation.machine.served.options import ServedOptions, deciding, rates
from annotation.machine.served.sending import Reply, Sender
from pipeline.engine.errors import StickerworksError

_FORMS = ("json_schema", "json_object", "off")
# Tells whether somebody answers; it is about no sticker.
_SMALL = Question((Message("user", "Answer with the word yes."),), None, max_tokens=8)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_SCHEMA_WORDS = re.compile("response_format|json_schema|json_object|guided_json|structured_output")


class ServedChat:
    """Questions as chat completions; JSON is asked for in the strictest way the server takes."""

    def __init__(self, options: ServedOptions) -> None:
        if not options.is_local and options.key is None:
            raise StickerworksError(
                f"{options.base_url} needs a key, and {options.key_env} is not set.",
                f"export {options.key_env}=..., or name another variable in "
                f"{options.named}.key_env (a server without keys takes any word).",
            )
        self._options = options
        self._listener = listener()
        self._sender: Sender | None = None
        self._connecting = asyncio.Lock()
        strictest = "json_schema" if options.structured == "auto" else options.structured
        self._dialect = Dialect(strictest, unthinking=True)

    @property
    def in_flight(self) -> int:
        """Questions worth having open at once."""
        return self._options.in_flight

    async def ask(self, question: Question) -> Answer:
        """Send a question until it is answered or given up."""
        async with self._connecting:
            if self._sender is None:
                self._sender = await self._connect()
        while True:
            dialect = self._dialect
            body = request_body(question, self._options, dialect)
            reply = await self._sender.post("/chat/completions", body, _is_answer)
            plainer = self._plainer(dialect, reply, question)
            if plainer is None:
                break
            # Other questions may have found out meanwhile.
            if self._dialect == dialect:
                self._dialect = plainer
        if reply.error is not None:
            return Answer(None, error=reply.error)
        answer = read_response(reply.body, reply.seconds)
        return answer or Answer(None, error="the server's answer holds no message")

    def _small(self) -> dict[str, Any]:
        return request_body(_SMALL, self._options, self._dialect)

    async def close(self) -> None:
        """Close all connections."""
        if self._sender is not None:
            await self._sender.close()

    def _plainer(self, dialect: Dialect, reply: Reply, question: Question) -> Dialect | None:
        """What to try instead when the server didn't understand; None when that isn't why."""
        if reply.status not in (400, 422):
            return None
        said = (reply.error or "").lower()
        if UNTHINKING in said and dialect.unthinking and self._options.extra is None:
            return replace(dialect, unthinking=False)
        asked = question.schema is not None and dialect.structured != "off"
        if self._options.structured != "auto" or not asked or not _SCHEMA_WORDS.search(said):
            return None
        return replace(dialect, structured=_FORMS[_FORMS.index(dialect.structured) + 1])

    async def _connect(self) -> Sender:
        sender = Sender(self._options, self._small, self._say)
        try:
            await self._look(sender)
        except BaseException:  # a run that is broken off leaves no connection behind either
            await sender.close()
            raise
        return sender

    async def _look(self, sender: Sender) -> None:
        """StickerworksError when no server answers, or not with this key or model."""
        try:
            reply = await self._models(sender)
        except StickerworksError as error:
            # Not all servers list their models; one that refuses the key says so here.
            if " 401: " in str(error) or " 403: " in str(error):
                raise
            return
        if reply.error is not None and reply.status is None:
            raise StickerworksError(
                f"No server answers at {self._options.base_url}: {reply.error}.",
                f"Start one, such as `vllm serve {self._options.model}` (docs/annotating.md), or "
                f"set {self._options.named}.base_url.",
            )
        names = _names(reply.body)
        if names and self._options.model not in names:
            raise StickerworksError(
                f"{self._options.base_url} serves no model called {self._options.model!r}.",
                f"It serves {', '.join(names[:8])}: set {self._options.named}.model.",
            )

    async def _models(self, sender: Sender) -> Reply:
        """What models there are; a server that loads for minutes before it listens is waited for,
        if somebody is told so."""
        began, pause, longest = time.monotonic(), _FIRST_PAUSE_S, self._options.longest_wait_s
        while True:
            reply = await sender.models(lambda body: self._options.model in _names(body))
            waited = time.monotonic() - began
            if not reply.refused or self._listener is None or waited >= longest:
                break
            if pause == _FIRST_PAUSE_S:
                self._say(
                    f"no server listens at {self._options.base_url} yet: waiting for it, "
                    f"{longest:,.3g} s at most"
                )
            await asyncio.sleep(min(pause, longest - waited))
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        if pause > _FIRST_PAUSE_S and not reply.refused:
            self._say(f"{self._options.base_url} is there after {waited:,.0f} s: going on")
        return reply

    def _say(self, line: str) -> None:
        if self._listener is not None:
            self._listener(line)


def _is_answer(body: Any) -> bool:
    return read_response(body, 0.0) is not None


def _names(body: Any) -> list[str]:
    try:
        return [str(item["id"]) for item in body["data"]]
    except (KeyError, TypeError):
        return []


def _model(options: ServedOptions) -> Model:
    return Model(options.model, options.revision)


CAPTIONER = Captioner(
    name="openai",
    model=_model,
    chat=ServedChat,
    settings=deciding,
    rates=rates,
    text=lambda options: options.text,
    options=ServedOptions,
)
