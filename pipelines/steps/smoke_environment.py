"""Runs the smoke test against a deployed environment, with a key that is made for it and ends with it.

The operator's key is read from the environment's vault when it is needed and nowhere stored.
"""

import argparse
import importlib
import importlib.util
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from pipelines.steps.asking import ask, may_be_asked
from pipelines.steps.commands import CommandFailed, Commands, hide, say
from pipelines.steps.environments import Deployed, Environment

TEAM = "smoke-test"
LIFETIME = timedelta(minutes=30)
# A new package is loaded by instances that start after it, and roles of a new identity take minutes to apply.
READY_WITHIN_S = 600.0
TIMEOUT_S = 60.0


class Operator:
    """Speaks to the management API with the operator's key."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        """The status and the answer; a refusal is an answer too. Raises CommandFailed where nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self._url}{path}", data=data, method=method, headers=headers)
        try:
            with ask(request, TIMEOUT_S) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refusal:
            return refusal.code, {"error": refusal.read(2000).decode(errors="replace")}
        except OSError as error:
            raise CommandFailed(f"{self._url} does not answer: {error}") from error

    def need(self, expected: tuple[int, ...], method: str, path: str, body: object = None) -> dict[str, object]:
        status, answer = self.call(method, path, body)
        if status not in expected:
            raise CommandFailed(f"{method} {path} is answered {status}: {answer.get('error')}")
        return answer


@contextmanager
def passing_key(operator: Operator, now: datetime) -> Iterator[str]:
    """A key of the team `smoke-test`, which is made where it is missing. The key is deleted again, and ends by itself."""
    operator.need((201, 409), "POST", "/api/v1/teams", {"id": TEAM, "name": "Smoke test"})
    ends = (now + LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = operator.need((201,), "POST", "/api/v1/keys", {"owner": f"teams/{TEAM}", "expires_at": ends})
    hide(str(made["secret"]))
    try:
        yield str(made["secret"])
    finally:
        operator.need((204,), "DELETE", f"/api/v1/keys/{made['id']}")


def wait_until_ready(url: str, within_s: float = READY_WITHIN_S, pause_s: float = 5.0) -> None:
    """Return once /health/ready answers 200. Raises CommandFailed with the last answer."""
    end, last = time.monotonic() + within_s, "nothing"
    while time.monotonic() < end:
        try:
            with ask(urllib.request.Request(f"{url}/health/ready"), TIMEOUT_S):
                return
        except urllib.error.HTTPError as refusal:
            last = f"{refusal.code}: {refusal.read(2000).decode(errors='replace')}"
        except OSError as error:
            last = str(error)
        time.sleep(pause_s)
    raise CommandFailed(f"{url} was not ready within {within_s:.0f} s; the last answer was {last}")


def need_sdks() -> None:
    """Raises CommandFailed where this Python has not what the smoke test asks with: better now than after a deployment."""
    if importlib.util.find_spec("openai") is None:
        raise CommandFailed(
            f"{sys.executable} has no openai, with which the smoke test asks:\n"
            f"    {sys.executable} -m pip install --require-hashes -r pipelines/smoke.lock"
        )


def ask_everything(commands: Commands, environment: Environment, app: Deployed | None = None) -> None:
    """Wait for the app and run the smoke test; without `app` the environment's own. Raises CommandFailed."""
    need_sdks()
    smoke = importlib.import_module("pipelines.steps.smoke")
    app = app or Deployed.read(commands, environment)
    if not may_be_asked(app.url):
        raise CommandFailed(f"{app.url} would get the operator's key, and is not https")
    secret = ("az", "keyvault", "secret", "show", "--vault-name", app.vault, "--name", "operator-key")
    operator_key = str(commands.read(*secret, "--query", "value", "--output", "json"))
    hide(operator_key)
    wait_until_ready(app.url)
    with passing_key(Operator(app.url, operator_key), datetime.now(UTC)) as key:
        failures = smoke.run(smoke.Target.of({**os.environ, "TOLLGATE_URL": app.url, "TOLLGATE_KEY": key}))
    if failures:
        raise CommandFailed(f"the smoke test of {environment.name} failed: {', '.join(failures)}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("environment")
    arguments.add_argument(
        "--deployment", default="", help="the name of the infrastructure's deployment (tollgate-ENVIRONMENT)"
    )
    given = arguments.parse_args()
    try:
        environment = Environment(given.environment, deployed_as=given.deployment)
        ask_everything(Commands(), environment)
    except CommandFailed as failure:
        sys.exit(str(failure))
    say("the environment answers as it should")


if __name__ == "__main__":
    main()
