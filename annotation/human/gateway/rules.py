"""Who may ask Label Studio for what: everything is refused that no rule allows.

Label Studio has no roles: whoever is logged in may read and change everything. An annotator gets
what the labelling screen asks for, on projects and tasks of their own, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import replace

from annotation.human.gateway.decisions import Asked, Decision, Holdings, Role
from annotation.human.gateway.rule_table import ENTRY, RULES


def allowed(asked: Asked, role: Role, holdings: Holdings) -> Decision:
    """What becomes of a request of somebody in that role, who has ``holdings``."""
    if role == "lead":
        return _lead(asked)
    if not _plain(asked.path):
        return Decision("refuse", "path")
    method = "GET" if asked.method == "HEAD" else asked.method
    if method == "GET" and _STATIC.fullmatch(asked.path):
        return Decision("forward", "static", asked.query)
    for rule in ENTRY if role in ("nobody", "left", "stranger") else RULES:
        match = rule.path.fullmatch(asked.path)
        if match and method in rule.methods:
            numbers = tuple(int(number) for number in match.groups())
            found = rule.made(asked, holdings, numbers)
            return found if found.verdict == "refuse" else replace(found, rule=rule.name)
    if role == "nobody":
        return Decision("login", "login")
    return Decision("refuse", role if role != "annotator" else "rule")


def _lead(asked: Asked) -> Decision:
    if asked.path in ("", "/"):
        return Decision("home", "home")
    return Decision("forward", "lead", asked.query, body=None)


# Django decodes a path before it looks where it leads: nothing that could be read two ways passes.
_SAFE = re.compile(r"/[A-Za-z0-9._/~@+-]*")
_STATIC = re.compile(
    r"/(?:static|react-app|label-studio-frontend|dm)/[A-Za-z0-9._/~@+-]+|/favicon\.ico|/sw\.js"
)


def _plain(path: str) -> bool:
    if len(path) > 300 or not _SAFE.fullmatch(path) or "//" in path:
        return False
    return not any(part in (".", "..") for part in path.split("/"))
