"""The middleware alone, before an engine that answers from a table."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Response

from crawlers.fetching.middlewares import robots
from crawlers.fetching.middlewares.host_rules import MAX_RULES, Hosts, RobotsRules
from crawlers.fetching.middlewares.redirects import RedirectPreferencesMiddleware
from crawlers.fetching.middlewares.robots import RobotsMiddleware
from crawlers.fetching.trace import META, Postponed, Refused, Trace
from schemas.config import CrawlConfig

ROBOTS, TDMREP = "/robots.txt", "/.well-known/tdmrep.json"
Answers = dict[str, int | bytes | Exception]


class Engine:
    """Answers by path with a status, a body or an exception; 404 to everything else."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def download_async(self, request: Request) -> Response:
        path = request.url.partition("://")[2].partition("/")[2]
        self.asked.append(f"/{path}")
        await asyncio.sleep(0.001)
        answer = self.answers.get(f"/{path}", 404)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return Response(request.url, status=answer)
        return Response(request.url, body=answer)


Ask = Callable[..., tuple[list[Any], Engine]]


@pytest.fixture
def ask() -> Ask:
    """Has the middleware judge addresses all at once: what each came to, and what was fetched."""

    def judge(answers: Answers, *urls: str, **settings: Any) -> tuple[list[Any], Engine]:
        engine = Engine(answers)
        return asyncio.run(_judge(engine, urls, CrawlConfig(**settings))), engine

    return judge


async def _judge(engine: Engine, urls: tuple[str, ...], config: CrawlConfig) -> list[Any]:
    run = SimpleNamespace(config=config, stopped=asyncio.Event(), wait=asyncio.sleep)
    crawler = SimpleNamespace(
        engine=engine,
        settings={"USER_AGENT": "stickerworks/0.1 (+mail@a.example)"},
        spider=SimpleNamespace(run=run),
    )
    middleware = RobotsMiddleware(crawler)
    requests = [Request(url, meta={META: Trace()}) for url in urls]
    found = await asyncio.gather(
        *(middleware.process_request(request) for request in requests), return_exceptions=True
    )
    return [error or request.meta[META] for request, error in zip(requests, found, strict=True)]


def _policy(*entries: Any) -> bytes:
    return json.dumps(entries).encode()


@pytest.mark.parametrize("answer", [500, 503, 429, DownloadTimeoutError("slow")])
def test_rules_that_may_be_there_postpone(ask: Ask, answer: int | Exception) -> None:
    for path, error_class in ((ROBOTS, "robots_unreachable"), (TDMREP, "tdmrep_unreachable")):
        found, engine = ask({path: answer}, *["https://h.example/a"] * 20)
        assert {type(error) for error in found} == {Postponed}
        assert {error.error_class for error in found} == {error_class}
        assert engine.asked.count(path) == 1


@pytest.mark.parametrize(
    "answer",
    [404, 403, b"<!doctype html>", b"[" * 1000, IgnoreRequest("max redirections reached"),
     Refused("private_address", "no", "10.0.0.1"), DownloadCancelledError("endless")],
)  # fmt: skip
def test_a_host_that_leads_to_no_tdmrep_json_has_none(ask: Ask, answer: Any) -> None:
    (trace,), engine = ask({TDMREP: answer}, "https://h.example/a")
    assert (trace.robots_decision, trace.tdmrep, trace.preference) == ("no_robots_txt", None, None)
    assert engine.asked == [ROBOTS, TDMREP]


def test_trouble_with_tdmrep_json_is_none_where_it_is_not_obeyed(ask: Ask) -> None:
    for answer in (500, DownloadTimeoutError("slow")):
        (trace,), _ = ask({TDMREP: answer}, "https://h.example/a", obey_preferences=False)
        assert trace.preference is None


def test_a_host_that_lets_nobody_in_is_asked_for_nothing_more(ask: Ask) -> None:
    (error,), engine = ask({ROBOTS: b"User-agent: *\nDisallow: /"}, "https://h.example/a")
    assert error.error_class == "robots"
    assert engine.asked == [ROBOTS]
    rules = b"User-agent: *\nDisallow: /.well-known/"
    (trace,), engine = ask({ROBOTS: rules}, "https://h.example/a")
    assert (trace.robots_decision, engine.asked) == ("allowed", [ROBOTS])


def test_one_origin_is_one_host_however_it_is_written(ask: Ask) -> None:
    urls = ("https://h.example/a", "https://h.example:443/b", "https://u:p@H.Example/c")
    found, engine = ask({TDMREP: _policy({"location": "/b", "tdm-reservation": 1})}, *urls)
    assert engine.asked == [ROBOTS, TDMREP]
    assert [isinstance(one, Refused) for one in found] == [False, True, False]


def test_without_robots_txt_tdmrep_json_still_counts(ask: Ask) -> None:
    answers: Answers = {
        ROBOTS: b"User-agent: *\nDisallow: /\nContent-Usage: train-ai=n",
        TDMREP: _policy({"location": "/b", "tdm-reservation": 1}),
    }
    found, engine = ask(answers, "https://h.example/a", "https://h.example/b", obey_robots=False)
    assert engine.asked == [TDMREP]
    assert found[0].robots_decision == "not_applicable"
    assert (found[1].error_class, found[1].error) == (
        "opt_out",
        "h.example keeps https://h.example/b from training: tdmrep.json tdm-reservation 1",
    )


def test_a_burst_of_hundreds_waits_for_the_rules(ask: Ask) -> None:
    answers: Answers = {
        ROBOTS: b"User-agent: *\nDisallow: /a\nContent-Usage: /b train-ai=n",
        TDMREP: _policy({"location": "/c", "tdm-reservation": 1}),
    }
    urls = [f"https://h.example/{pack}/{n}" for n in range(100) for pack in "abcd"]
    found, engine = ask(answers, *urls)
    assert engine.asked == [ROBOTS, TDMREP]
    passed = {url for url, one in zip(urls, found, strict=True) if isinstance(one, Trace)}
    assert passed == {url for url in urls if "/d/" in url}


def test_interfaces_with_terms_of_their_own_are_not_asked_and_others_are() -> None:
    async def judge(engine: Engine, **meta: Any) -> None:
        run = SimpleNamespace(config=CrawlConfig(), stopped=asyncio.Event())
        settings, spider = {"USER_AGENT": "stickerworks/0.1"}, SimpleNamespace(run=run)
        crawler = SimpleNamespace(engine=engine, settings=settings, spider=spider)
        request = Request("https://h.example/v1?q=a", meta={"api": True, **meta})
        await RobotsMiddleware(crawler).process_request(request)

    engine = Engine({ROBOTS: b"User-agent: *\nDisallow: /"})
    asyncio.run(judge(engine))
    asyncio.run(judge(engine, redirect_urls=["https://H.example:443/v0", "http://b.example/"]))
    assert engine.asked == []
    for first in ("http://h.example/v1", "https://h.example:8443/v1", "https://api.example/"):
        with pytest.raises(Refused):
            asyncio.run(judge(engine, redirect_urls=[first]))


def test_what_each_host_on_the_way_says_of_use_is_kept_and_the_first_no_counts() -> None:
    """Preferences are read and not obeyed here, so that the way goes on."""

    async def go() -> Trace:
        trace = Trace()
        config = CrawlConfig(obey_preferences=False)
        run = SimpleNamespace(config=config, stopped=asyncio.Event())
        settings, spider = {"USER_AGENT": "stickerworks/0.1"}, SimpleNamespace(run=run)
        rules = {
            "a.example": b"User-agent: *\nContent-Usage: train-ai=n",
            "b.example": b"User-agent: *\nContent-Usage: search=n",
            "c.example": b"User-agent: *\nDisallow: /x",
        }
        crawler = SimpleNamespace(settings=settings, spider=spider)
        middleware = RobotsMiddleware(crawler)
        headers = RedirectPreferencesMiddleware.from_crawler(crawler)
        for name, body in rules.items():
            crawler.engine = Engine({ROBOTS: body})
            request = Request(f"https://{name}/a", meta={META: trace})
            for _ in range(2):  # a second try says nothing new
                await middleware.process_request(request)
            said = {"X-Robots-Tag": f"noai, {name[0]}", "Location": "/"}
            headers.process_response(request, Response(request.url, 302, headers=said))
        return trace

    trace = asyncio.run(go())
    assert (trace.preference, trace.robots_decision) == ("content-usage train-ai=n", "allowed")
    assert trace.robots_content_usage == "Content-Usage: train-ai=n | Content-Usage: search=n"
    assert trace.columns()["x_robots_tag"] == "noai, a, noai, b, noai, c"


def test_a_robots_txt_that_would_freeze_the_crawl_is_obeyed_in_no_time(ask: Ask) -> None:
    agents = "".join(f"User-agent: bot{n}\n" for n in range(14_000))
    rules = "".join(f"Disallow: /{n:x}$\n" for n in range(14_000))
    started = time.process_time()
    whole = f"{agents}User-agent: *\n{rules}".encode()
    assert len(whole) < 512 * 1024
    found, _ = ask({ROBOTS: whole}, "https://h.example/ff", "https://h.example/no")
    assert [isinstance(one, Refused) for one in found] == [True, False]
    assert time.process_time() - started < 3


def test_more_rules_than_can_be_judged_postpone(ask: Ask) -> None:
    rules = "User-agent: *\n" + "Disallow: /a\n" * (MAX_RULES + 1)
    (error,), _ = ask({ROBOTS: rules.encode()}, "https://h.example/b")
    assert (type(error), error.error_class) == (Postponed, "robots_unreachable")
    assert f"more than {MAX_RULES} rules for us" in error.error


def test_only_the_hosts_asked_last_are_held() -> None:
    hosts = Hosts(most=3)
    for name in "abc":
        hosts.at(f"https://{name}")
    kept = hosts.at("https://a")
    hosts.at("https://d")
    assert (len(hosts), hosts.at("https://a") is kept) == (3, True)
    hosts = Hosts(most_held=2_000_000)
    rules = RobotsRules.read(b"User-agent: *\n" + b"Disallow: /a\n" * 1000, "stickerworks")
    for number in range(20):
        host = hosts.at(f"https://{number}")
        host.rules = rules
        hosts.learned(host)
    assert (len(hosts), hosts.held) == (3, 3 * host.size)
    host.rules = None
    hosts.learned(host)
    assert hosts.held > 2 * rules.size
    assert host.size < rules.size


def test_a_host_whose_rules_are_being_fetched_stays() -> None:
    async def crowd() -> bool:
        hosts = Hosts(most=1)
        first = hosts.at("https://a")
        async with first.lock:
            hosts.at("https://b")
            hosts.at("https://c")
            return hosts.at("https://a") is first and len(hosts) == 2

    assert asyncio.run(crowd())


def test_a_host_that_fell_out_is_asked_for_its_rules_again(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robots, "Hosts", lambda: Hosts(most=1))

    async def judge(engine: Engine) -> None:
        run = SimpleNamespace(config=CrawlConfig(), stopped=asyncio.Event())
        settings, spider = {"USER_AGENT": "stickerworks/0.1"}, SimpleNamespace(run=run)
        crawler = SimpleNamespace(engine=engine, settings=settings, spider=spider)
        middleware = RobotsMiddleware(crawler)
        for name in ("a", "a", "b", "a"):
            await middleware.process_request(Request(f"https://{name}.example/x"))

    engine = Engine({})
    asyncio.run(judge(engine))
    assert engine.asked == [ROBOTS, TDMREP] * 3
