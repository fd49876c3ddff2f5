"""One request: it is looked at, then answered, sent on to Label Studio, or refused."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web

from annotation.human.gateway import answers, entering, forwarding, inserted, voted
from annotation.human.gateway.addresses import is_public, wrong_host, wrong_origin
from annotation.human.gateway.attempts import address_of
from annotation.human.gateway.decisions import Asked, Decision, Role, Verdict
from annotation.human.gateway.forwarding import SAFETY, Passage, TooLargeError
from annotation.human.gateway.holdings import LedgerHoldings
from annotation.human.gateway.known import Gateway
from annotation.human.gateway.onward import Onward
from annotation.human.gateway.pages import POLICY, note_page, refusal_page
from annotation.human.gateway.rules import allowed
from annotation.human.gateway.visitors import Proof, Visitor, proof_of, understood
from annotation.human.gateway.words import WORDS, preferred_language
from annotation.human.studio.gateway_settings import GatewaySettings
from pipeline.engine.errors import StickerworksError
from schemas.questions import Language

_log = logging.getLogger("gateway")
_OWN = "/_stickerworks/"
_DATA, _STATIC = re.compile(r"/(?:api|data|static)/"), re.compile(r"/static/")
_LOGIN, _LOGOUT = re.compile(r"/user/login/?"), re.compile(r"/logout/?")
_STATUS = {"nobody": 401, "path": 400, "body": 400, "large": 413, "withdrawn": 410, "slow": 429}


@dataclass
class Visit:
    """One request of one visitor."""

    gateway: Gateway
    request: web.Request
    settings: GatewaySettings
    visitor: Visitor | None = None
    role: Role = "nobody"
    decision: Decision = field(default_factory=lambda: Decision("refuse", ""))
    proof: Proof = field(default_factory=lambda: Proof("", "", ""))

    @property
    def language(self) -> Language:
        """What the visitor reads; who isn't known yet, what their browser asks for."""
        if self.visitor is None:
            header = self.request.headers.get("Accept-Language", "")
            return preferred_language(header) or self.settings.language
        return self.settings.language_of(self.visitor.account)

    @property
    def holdings(self) -> LedgerHoldings:
        account = "" if self.visitor is None else self.visitor.account
        return LedgerHoldings(self.gateway.homes.root, account)

    async def answer(self) -> web.StreamResponse:
        """Whatever is to be said."""
        refused = self._wrongly_addressed()
        if refused is not None:
            return refused
        path = self.request.rel_url.raw_path
        if path.startswith(_OWN):
            return inserted.own_file(path.removeprefix(_OWN))
        try:
            return await self._decided(path)
        except TooLargeError:
            return self._refuse("large")
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("Label Studio is away: %s", type(error).__name__)
            return self._away()
        except StickerworksError as error:
            _log.error("%s", error)
            return web.Response(status=503, text=f"{error}\n", headers=SAFETY)

    def _wrongly_addressed(self) -> web.Response | None:
        headers = self.request.headers
        wrong = wrong_host(headers.get("Host", ""), self.settings)
        if wrong:
            return web.Response(status=400, text=f"{wrong}\n", headers=SAFETY)
        wrong = wrong_origin(self.request.method, headers, self.settings)
        return web.Response(status=403, text=f"{wrong}\n", headers=SAFETY) if wrong else None

    async def _decided(self, path: str) -> web.StreamResponse:
        request = self.request
        self.proof = proof_of(request.cookies, request.headers.get("Authorization"))
        if self.gateway.logouts.ended(self.proof.session):
            self.proof = replace(self.proof, session="")
        self.visitor = await self.gateway.visitors.who(self.settings.inside, self.proof)
        pairs = tuple((str(key), str(value)) for key, value in request.rel_url.query.items())
        asked = Asked(request.method, path, pairs)
        await asyncio.to_thread(self._judge, asked)  # the ledger is a file
        verdict = self.decision.verdict
        if verdict == "forward":
            return await self._forward()
        if verdict == "home":
            return await self._home(asked.value("batch"))
        return self._said_at_once(verdict)

    def _said_at_once(self, verdict: Verdict) -> web.Response:
        if verdict == "ourselves":
            return self._ourselves()
        if verdict == "stream":
            return _see(f"/projects/{self.decision.project}/data?labeling=1")
        if verdict == "login" and self._reads_pages():
            return _see("/user/login/")
        return self._refuse("nobody" if verdict == "login" else self.decision.rule)

    def _judge(self, asked: Asked) -> None:
        self.role = self._role()
        self.decision = allowed(asked, self.role, self.holdings)

    def _role(self) -> Role:
        if self.visitor is None:
            return "nobody"
        if self.visitor.account == self.settings.lead:
            return "lead"
        if self.holdings.left():
            return "left"
        return "annotator" if self.settings.reader(self.visitor.account) else "stranger"

    async def _is_own(self, task: int) -> bool:
        return (await asyncio.to_thread(self.holdings.task, task))[0] == "own"

    async def _forward(self) -> web.StreamResponse:
        decision, request, passage = self.decision, self.request, self._passage()
        if decision.rule in ("login", "logout") or _LOGOUT.fullmatch(request.path):
            self.gateway.visitors.forget(self.proof)
        if _LOGOUT.fullmatch(request.path) and self.visitor and not self.proof.token:
            self.gateway.logouts.end(self.proof.session)
        if request.method == "POST" and _LOGIN.fullmatch(request.path):
            return await self._log_in()
        if decision.confirm and not await self._confirmed(passage):
            return self._refuse("answer")
        try:
            body = await self._body()
        except ValueError:
            return self._refuse("body")
        whole = request.method != "HEAD"
        page = whole and decision.rule in ("screen", "login", "lead") and self._reads_pages()
        theirs = whole and decision.theirs
        async with forwarding.asking(
            passage, request, decision.query, body, readable=page or theirs
        ) as answer:
            if decision.rule == "vote" and answer.status == 201:
                self.gateway.homes.live.note(decision.project, decision.task)
            if theirs and answer.status < 300 and answer.status != 204:
                return await self._theirs(passage, answer)
            if page and answer.content_type == "text/html":
                html = await forwarding.text_of(answer)
                made = inserted.with_ours(html, self.language, annotator=decision.rule != "lead")
                return forwarding.changed(passage, answer, made)
            return await forwarding.give(passage, request, answer)

    def _passage(self) -> Passage:
        headers = self.request.headers
        public = is_public(headers.get("Host", ""), self.settings, headers.get("Origin"))
        rule, path = self.decision.rule, self.request.path
        remembers = bool(_LOGIN.fullmatch(path) or _LOGOUT.fullmatch(path))
        remembers |= rule in ("screen", "lead") and self._reads_pages() and not _DATA.match(path)
        same = rule == "static" or bool(_STATIC.match(path))
        return Passage(
            self.gateway.client, self.settings.inside, self.proof, public, remembers, same
        )

    async def _log_in(self) -> web.StreamResponse:
        # Who is logged in would be led on, whatever the password.
        self.proof = Proof("", self.proof.csrf, "")
        passage, attempts = self._passage(), self.gateway.attempts
        try:
            account, form = await entering.typed(self.request)
        except ValueError:
            return self._refuse("body")
        where = address_of(self.request.remote, self.request.headers)
        seconds = attempts.wait(account, where)
        if seconds:
            refused = self._refuse("slow")
            refused.headers["Retry-After"] = str(seconds)
            return refused
        attempts.begin(account, where)
        async with forwarding.asking(
            passage, self.request, self.decision.query, form, readable=True
        ) as answer:
            if entering.was_right(answer):
                attempts.right(account, where)
            if answer.content_type != "text/html":
                return await forwarding.give(passage, self.request, answer)
            html = await forwarding.text_of(answer)
            made = inserted.with_ours(html, self.language, annotator=True)
            return forwarding.changed(passage, answer, made)

    async def _body(self) -> Any:
        """What goes on of the body; ValueError when it can't be read as an answer."""
        decision, request = self.decision, self.request
        if voted.is_answer(request.method, request.path, request.content_type):
            return await forwarding.fields(request, decision.body)
        if decision.body is None:
            return forwarding.whole(request) if request.can_read_body else None
        if decision.rule == "next" and request.method == "POST":
            return json.dumps({**answers.NEXT_TASK, "project": str(decision.project)}).encode()
        return await forwarding.fields(request, decision.body) if decision.body else None

    async def _confirmed(self, passage: Passage) -> bool:
        """Whether Label Studio says that an answer is the visitor's, on a task of theirs."""
        assert self.visitor is not None  # no rule for others confirms anything
        async with self.gateway.client.get(
            f"{passage.inside}{self.decision.confirm}",
            headers={**self.proof.headers(), "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=60),
            allow_redirects=False,
        ) as answer:
            with understood():
                said = await answer.json() if answer.status == 200 else None
        if not isinstance(said, dict) or not answers.is_theirs(said, self.visitor):
            return False
        number = said.get("task")
        if not isinstance(number, int) or (self.decision.task or number) != number:
            return False
        return await self._is_own(number)

    async def _theirs(self, passage: Passage, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """An answer about tasks without what others gave; a task that isn't theirs is not told."""
        assert self.visitor is not None  # no rule for others looks into answers
        text = await forwarding.text_of(answer)
        with understood():
            said = json.loads(text)
        if self.decision.rule == "next":
            number = said.get("id") if isinstance(said, dict) else None
            if not isinstance(number, int) or not await self._is_own(number):
                said = await self._onward(self.visitor)
            if said is None:
                return self._json(404, WORDS[self.language]["no more"])
        with understood():
            kept = answers.only_theirs(said, self.visitor)
        if kept is None:
            return self._refuse("answer")
        return forwarding.changed(passage, answer, json.dumps(kept).encode())

    async def _onward(self, visitor: Visitor) -> Any:
        """What is next when Label Studio hands out what was taken back; None when nothing is."""
        project, homes = self.decision.project, self.gateway.homes
        own = await asyncio.to_thread(self.holdings.labelling)
        tasks = [task for task in own if task.project == project]
        token = await asyncio.to_thread(homes.token)
        done = await homes.live.done(self.settings.inside, token, project)
        onward = Onward(self.gateway.client, self.settings.inside, self.proof, visitor)
        return await onward.next_task(sorted(tasks, key=lambda task: task.task), done)

    def _ourselves(self) -> web.Response:
        assert self.visitor is not None  # no rule for others is answered by us
        return web.json_response(answers.in_its_place(self.decision, self.visitor), headers=SAFETY)

    async def _home(self, batch: str | None) -> web.Response:
        assert self.visitor is not None  # others are led to the login
        homes, reader = self.gateway.homes, self.settings.reader(self.visitor.account)
        if reader is None:
            return _page(await homes.lead(self.settings))
        return _page(await homes.annotator(self.settings, reader, self.visitor.user, batch))

    def _refuse(self, why: str) -> web.Response:
        status = _STATUS.get(why, 403)
        if not self._reads_pages():
            return self._json(status, WORDS[self.language][why])
        if why in ("left", "stranger", "slow"):
            return _page(note_page(self.language, why), status)
        known = self.role in ("annotator", "lead")
        return _page(refusal_page(self.language, why, known=known), status)

    def _away(self) -> web.Response:
        if not self._reads_pages():
            return self._json(502, WORDS[self.language]["away"])
        return _page(note_page(self.language, "away"), 502)

    def _json(self, status: int, said: str) -> web.Response:
        return web.json_response({"detail": said}, status=status, headers=SAFETY)

    def _reads_pages(self) -> bool:
        return "text/html" in self.request.headers.get("Accept", "")


def _see(path: str) -> web.Response:
    return web.Response(status=302, headers={**SAFETY, "Location": path})


def _page(html: str, status: int = 200) -> web.Response:
    headers = {**SAFETY, "Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return web.Response(status=status, text=html, content_type="text/html", headers=headers)
