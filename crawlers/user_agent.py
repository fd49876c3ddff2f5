"""The User-Agent that a crawl sends, and the name by which rules for crawlers know it."""

from __future__ import annotations

import re

from schemas.config import CrawlConfig


def user_agent(config: CrawlConfig) -> str:
    """The User-Agent that is sent, with the contact where one is configured."""
    return f"{config.user_agent} (+{config.contact})" if config.contact else config.user_agent


def product_token(user_agent: str) -> str:
    """The User-Agent's first product without its version: the name that rules go by."""
    match = re.match(r"[^\s/(]+", user_agent.strip())
    return match[0] if match else user_agent
