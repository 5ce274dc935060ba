"""Turns a page's values into HTML: everything that is not our own template is escaped."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.console import charts, formats

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
PREFIX = "/console/static/"


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    content_type: str


def static_files(folder: Path = _HERE / "static") -> Mapping[str, StaticFile]:
    """Return the files that pages refer to, by an address with the digest of their content in it: it may be kept for ever."""
    found = {}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:16]
        found[f"{path.stem}.{digest}{path.suffix}"] = StaticFile(content, _TYPES[path.suffix])
    return found


class Renderer:
    def __init__(self, files: Mapping[str, StaticFile]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        names = {name.partition(".")[0]: PREFIX + name for name in files}
        self._environment.globals |= {
            "static": names, "address": formats.address, "meter": charts.meter, "share": formats.share,
            "sparkline": charts.sparkline, "is_safe_link": formats.is_safe_link,
        }  # fmt: skip
        self._environment.filters |= {"money": formats.money, "count": formats.count, "words": formats.words}

    def render(self, template: str, values: Mapping[str, Any], time_zone: str) -> bytes:
        times = {
            "moment": partial(formats.moment, time_zone=time_zone),
            "day": partial(formats.day, time_zone=time_zone),
        }
        return self._environment.get_template(template).render({**times, **values}).encode()
