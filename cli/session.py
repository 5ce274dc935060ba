"""What every command works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cli.client import Client
from cli.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Session:
    client: Client
    terminal: Terminal
    now: Callable[[], datetime]
