"""Scrapy's settings for a crawl: polite, closed to the outside, and without its own storage."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from crawlers.addresses import PORTS
from crawlers.user_agent import user_agent
from schemas.config import CrawlConfig


def crawl_settings(config: CrawlConfig) -> dict[str, Any]:
    """Settings of every spider, from our configuration.

    Scrapy answers telnet and a remote control, and reads a gigabyte unless it is told otherwise.
    It measures no latency to slow down: with so many requests in flight and no more, a host that
    answers in twice the time is asked half as often anyway.
    """
    return {
        "USER_AGENT": user_agent(config),
        "ALLOW_HOSTS": list(config.allow_hosts),
        "OBEY_ROBOTS": config.obey_robots,
        "ATTEMPTS": config.attempts,
        **_LIMITS,
        "DOWNLOAD_MAXSIZE": config.max_bytes,
        "DOWNLOAD_TIMEOUT": config.timeout_s,
        "CONCURRENT_REQUESTS": 2 * config.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": config.concurrency,
        "DOWNLOAD_DELAY": config.delay_s,
        "DOWNLOAD_SLOTS": _slots(config),
        "DOWNLOADER_MIDDLEWARES": _MIDDLEWARES,
    }


def concurrency_of(config: CrawlConfig, url: str) -> int:
    """Requests that may be in flight for the host of this address, its own number if it has one."""
    own = _slots(config)
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return config.concurrency
    shown = f"[{name}]" if ":" in name else name
    limits = next((own[each] for each in (f"{shown}:{port}", shown) if each in own), {})
    return int(limits.get("concurrency", config.concurrency))


def _slots(config: CrawlConfig) -> dict[str, dict[str, float]]:
    """Hosts with limits of their own; what is null is as for all others."""
    return {
        host.strip().lower(): {
            name: value
            for name, value in (("concurrency", own.concurrency), ("delay", own.delay_s))
            if value is not None
        }
        for host, own in config.hosts.items()
    }


_MIDDLEWARES: dict[str, int | None] = {
    "crawlers.fetching.middlewares.guard.GuardMiddleware": 40,
    "crawlers.fetching.middlewares.robots.RobotsMiddleware": 100,
    "crawlers.fetching.middlewares.retry.RetryMiddleware": 550,
    # Answers pass the other way: it sees redirects before Scrapy, at 600, follows them.
    "crawlers.fetching.middlewares.redirects.RedirectPreferencesMiddleware": 610,
    # The handler knows the timeout; the others do nothing here, once for every request.
    **{
        f"scrapy.downloadermiddlewares.{name}Middleware": None
        for name in (
            "cookies.Cookies",
            "downloadtimeout.DownloadTimeout",
            "httpauth.HttpAuth",
            "httpcache.HttpCache",
            "offsite.Offsite",
            "redirect.MetaRefresh",
            "retry.Retry",
            "robotstxt.RobotsTxt",
        )
    },
    "scrapy.downloadermiddlewares.stats.DownloaderStats": None,
}

_EXTENSIONS: dict[str, int | None] = {
    f"scrapy.extensions.{name}": None
    for name in (
        "closespider.CloseSpider",
        "corestats.CoreStats",
        "feedexport.FeedExporter",
        "logcount.LogCount",
        "logstats.LogStats",
        "memdebug.MemoryDebugger",
        "memusage.MemoryUsage",
        "remote_control.RemoteControl",
        "spiderstate.SpiderState",
        "telnet.TelnetConsole",
        "throttle.AutoThrottle",
    )
}

_HANDLERS: dict[str, str | None] = {
    **dict.fromkeys(("data", "file", "ftp", "s3")),
    **dict.fromkeys(("http", "https"), "crawlers.fetching.downloads.CheckedHandler"),
}

_LIMITS: dict[str, Any] = {
    "COOKIES_ENABLED": False,
    "DEFAULT_REQUEST_HEADERS": {"Accept": "*/*"},
    "DOWNLOAD_DELAY_JITTER": 0.0,
    "DOWNLOAD_HANDLERS": _HANDLERS,
    "EXTENSIONS": _EXTENSIONS,
    "LOG_INSTALL_ROOT_HANDLER": False,
    "LOG_LEVEL": "INFO",
    "REDIRECT_MAX_TIMES": 5,
    # A listing's address may hold a key, which other hosts must not see.
    "REFERRER_POLICY": "no-referrer",
    "REMOTE_CONTROL_ENABLED": False,
    "STATS_DUMP": False,
    "STATS_CLASS": "scrapy.statscollectors.DummyStatsCollector",
    "TELNETCONSOLE_ENABLED": False,
    "TWISTED_REACTOR_ENABLED": False,
}
