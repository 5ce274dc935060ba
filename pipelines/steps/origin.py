"""Lets a run of the pipeline deploy the package of another only if that one is a run of the same pipeline on the main branch.

`python -m pipelines.steps.origin 123456789` before that run's package is fetched; `--commit` finds the run that packaged a commit.
Whoever may start a deployment could otherwise name any run, and any branch can have a run with a file of the package's name.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.steps.asking import ask
from pipelines.steps.commands import CommandFailed, put_out, say

BRANCH = "main"
WORKFLOW = ".github/workflows/deploy.yml"
STARTED_BY = ("push", "workflow_dispatch")
TIMEOUT_S = 60.0
Fetch = Callable[[str], Any]


def fetch_with(token: str) -> Fetch:
    """Asks an API of the pipeline's own server with the run's own token."""

    def fetch(url: str) -> Any:
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        try:
            with ask(urllib.request.Request(url, headers=headers), TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise CommandFailed(f"{url} is answered {refusal.code}") from refusal
        except OSError as error:
            raise CommandFailed(f"{url} is not answered: {error}") from error

    return fetch


def check(run: str, environment: Mapping[str, str], fetch: Fetch) -> None:
    """Raises CommandFailed for a run whose package may not be deployed, KeyError outside of a pipeline."""
    if not (run.isascii() and run.isdecimal()):
        raise CommandFailed(f"{run!r} is not the number of a run")
    if environment.get("TF_BUILD"):
        _check_build(run, environment, fetch)
    elif run != environment["GITHUB_RUN_ID"]:
        _check_run(run, environment, fetch)


def _check_run(run: str, environment: Mapping[str, str], fetch: Fetch) -> None:
    repository = environment["GITHUB_REPOSITORY"]
    found = fetch(f"{environment['GITHUB_API_URL']}/repos/{repository}/actions/runs/{run}")
    need(found, "path", str(found["path"]).partition("@")[0] == WORKFLOW)
    need(found, "head_branch", found["head_branch"] == BRANCH)
    need(found, "event", found["event"] in STARTED_BY)
    need(found["head_repository"], "full_name", found["head_repository"]["full_name"] == repository)


def _check_build(run: str, environment: Mapping[str, str], fetch: Fetch) -> None:
    project = urllib.parse.quote(environment["SYSTEM_TEAMPROJECT"])
    found = fetch(f"{environment['SYSTEM_COLLECTIONURI']}{project}/_apis/build/builds/{run}?api-version=7.1")
    need(found["definition"], "id", str(found["definition"]["id"]) == environment["SYSTEM_DEFINITIONID"])
    need(found, "sourceBranch", found["sourceBranch"] == f"refs/heads/{BRANCH}")
    need(found, "reason", found["reason"] != "pullRequest")


def need(found: Mapping[str, Any], key: str, is_so: bool) -> None:
    if not is_so:
        raise CommandFailed(f"its package may not be deployed: it is a run with {key} {found[key]}")


def run_of(commit: str, environment: Mapping[str, str], fetch: Fetch) -> str:
    """The number of the latest run of deploy.yml for the commit on the main branch. Raises CommandFailed where there is none."""
    runs = f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}/actions/workflows/deploy.yml/runs"
    asked = urllib.parse.urlencode({"branch": BRANCH, "event": "push", "head_sha": commit})
    found = [run for run in fetch(f"{runs}?{asked}")["workflow_runs"] if run["head_sha"] == commit]
    if not found:
        raise CommandFailed(f"{commit} was never packaged on {BRANCH}: tag a commit that was merged and deployed")
    return str(max(int(run["id"]) for run in found))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = arguments.add_mutually_exclusive_group(required=True)
    which.add_argument("run", nargs="?")
    which.add_argument("--commit", help="put out the number of the run that packaged this commit, as `run`")
    given = arguments.parse_args()
    try:
        fetch = fetch_with(os.environ["PIPELINE_TOKEN"])
        run = run_of(given.commit, os.environ, fetch) if given.commit else given.run
        check(run, os.environ, fetch)
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set: this is run by a pipeline")
    except CommandFailed as failure:
        sys.exit(str(failure))
    put_out("run", run)
    say(f"the package of run {run} may be deployed")


if __name__ == "__main__":
    main()
