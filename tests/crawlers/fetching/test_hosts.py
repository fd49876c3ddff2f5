"""Limits of single hosts (crawl.hosts) hold for them and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from crawlers.crawl import CrawlSummary

Crawl = Callable[..., CrawlSummary]


def test_a_host_with_limits_of_its_own_is_asked_no_faster_also_after_a_redirect(
    site: Any, bqb: ModuleType, crawl_site: Crawl
) -> None:
    with bqb.serving(bqb.Replica()) as slow:
        site.answer_delay_s = slow.answer_delay_s = 0.05
        for number in range(6):
            item = site.add("A", f"{number}.gif")
            site.add("B", f"{number}.gif")
            slow.files[item] = site.files[item]
            site.answers[item] = bqb.status(302, Location=f"http://{slow.host}{bqb.ROOT}/{item}")
        hosts = {slow.host: {"concurrency": 1, "delay_s": 0.1}}
        crawl_site(site, allow_hosts=[site.host, slow.host], hosts=hosts)
        assert len(slow.media_requests()) == 6
        assert slow.most_at_once == 1
        assert slow.times[-1] - slow.times[0] >= 0.5  # six times 0.1 s, however loaded we are
        assert site.most_at_once > 1
