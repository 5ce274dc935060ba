"""Finds the page that a method and an address stand for."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from shared.console.pages import PAGES
from shared.console.visit import Page
from shared.gateway.message import GatewayRequest
from shared.management.problems import Absent, WrongMethod, invalid

ROOT = "/console"
_STEP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


def found(request: GatewayRequest) -> tuple[Page, Mapping[str, str]]:
    """Raises Absent and WrongMethod."""
    steps = request.path.rstrip("/").removeprefix(ROOT).strip("/").split("/")
    matches = {
        page.method: (page, values) for page in PAGES if (values := _values(page.path.split("/"), steps)) is not None
    }
    if not matches:
        raise Absent("There is no such page.")
    found = matches.get("GET" if request.method == "HEAD" else request.method)
    if found is None:
        raise WrongMethod("This page is not for that.", headers={"allow": ", ".join(sorted(matches))})
    return found


def _values(template: list[str], steps: list[str]) -> Mapping[str, str] | None:
    if len(template) != len(steps):
        return None
    values = {}
    for part, step in zip(template, steps, strict=True):
        if part.startswith("{") and _STEP.fullmatch(step):
            values[part[1:-1]] = step
        elif part != step:
            return None
    return values


def pairs_of(query: str) -> Mapping[str, str]:
    """Raises Invalid for a parameter that is there twice."""
    try:
        pairs = parse_qsl(query, max_num_fields=50)
    except ValueError:
        raise invalid("query", "has too many parameters") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise invalid("query", "names a parameter twice")
    return found
