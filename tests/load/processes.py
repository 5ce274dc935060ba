"""Processes that a measurement starts, watches through /proc and always stops again."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_POLL_S = 0.02
_STOP_S = 15.0


class NotReady(Exception):
    """The process ended, or did not answer 200 in time."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process in a group of its own, so that its children end with it."""

    name: str
    process: subprocess.Popen[bytes]
    began: float
    log: Path

    def stop(self) -> None:
        """Ask the process to end; after a while end the whole group."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of the process and all that it started."""
        return sum(sum(_stat(pid)[11:15]) for pid in self._tree()) / _TICKS

    def rss_mb(self) -> float:
        """Resident memory of the whole tree; pages that processes share count in each."""
        return sum(_stat(pid)[21] for pid in self._tree()) * _PAGE / 2**20

    def _tree(self) -> list[int]:
        parents = {pid: _stat(pid)[1] for pid in _all_pids()}
        tree = [self.process.pid]
        for parent in tree:
            tree += [pid for pid, its_parent in parents.items() if its_parent == parent]
        return tree

    def wait_for_200(self, port: int, request: bytes, timeout_s: float = 90.0) -> float:
        """Repeat the request until it is answered 200; return the seconds since the start. Raises NotReady."""
        status = 0
        while time.monotonic() - self.began < timeout_s:
            if self.process.poll() is not None:
                raise NotReady(f"{self.name} ended with {self.process.returncode}:\n{self.last_words()}")
            status = first_status(port, request)
            if status == 200:
                return time.monotonic() - self.began
            time.sleep(_POLL_S)
        raise NotReady(f"{self.name} did not answer 200 in {timeout_s:g} s (last: {status}):\n{self.last_words()}")

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def _all_pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def _stat(pid: int) -> list[int]:
    """Return /proc/PID/stat after the name, which may hold anything; zeros once the process has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0] * 50
    return [0, *(int(value) for value in fields[1:])]


def first_status(port: int, request: bytes) -> int:
    """Send one request on a new connection and return the status of the answer, 0 where there is none."""
    try:
        with socket.create_connection((HOST, port), timeout=30) as sock:
            sock.sendall(request)
            response = http.client.HTTPResponse(sock)
            response.begin()
            response.read()
            return response.status
    except (OSError, http.client.HTTPException):
        return 0


def get_json(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def clean_environment(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment that inherits nothing but the search path."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"} | variables


@contextlib.contextmanager
def started(
    name: str, command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path = PROJECT
) -> Iterator[Started]:
    """Run a command for the duration of the block."""
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True
        )
        running = Started(name, process, began, log)
        try:
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A temporary directory that a server which drops its privileges can still enter."""
    with tempfile.TemporaryDirectory(prefix="tollgate-load-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@contextlib.contextmanager
def mock_upstream(directory: Path) -> Iterator[int]:
    """Run the mock upstream for the duration of the block; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.load.mock_upstream", str(port)]
    with started("the mock upstream", command, directory / "mock.log", clean_environment(directory)) as mock:
        mock.wait_for_200(port, b"GET /stats HTTP/1.1\r\nhost: mock\r\n\r\n", timeout_s=20)
        yield port
