"""What was built, from what and by whom: an in-toto statement with the predicate of SLSA provenance 1.0."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://tollgate.invalid/package/v1"


def source_of(root: Path) -> dict[str, Any]:
    """The commit, and whether files differ from it."""
    commit = _git(root, "rev-parse", "HEAD")
    return {"commit": commit or "unknown", "dirty": bool(_git(root, "status", "--porcelain")) or not commit}


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=False, capture_output=True, text=True)
    return done.stdout.strip()


def statement(
    subjects: Mapping[str, str], source: Mapping[str, Any], materials: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """`subjects` and `materials` are names and SHA-256; `environment` tells which pipeline this is.

    This file is signed by nobody. GitHub's attestation, which the workflow adds, is.
    """
    builder, invocation = builder_of(environment)
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"repository": repository_of(environment), **source},
                "resolvedDependencies": [
                    {
                        "uri": f"git+{repository_of(environment)}",
                        "digest": {"gitCommit": source.get("commit", "unknown")},
                    },
                    *({"name": name, "digest": {"sha256": digest}} for name, digest in sorted(materials.items())),
                ],
            },
            "runDetails": {"builder": {"id": builder}, "metadata": {"invocationId": invocation}},
        },
    }


def builder_of(environment: Mapping[str, str]) -> tuple[str, str]:
    """Who built, and in which run."""
    if environment.get("GITHUB_ACTIONS"):
        address = f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_REPOSITORY']}"
        run = f"{address}/actions/runs/{environment['GITHUB_RUN_ID']}/attempts/{environment['GITHUB_RUN_ATTEMPT']}"
        return f"{address}/{environment['GITHUB_WORKFLOW_REF'].partition('@')[0].split('/', 2)[-1]}", run
    if environment.get("TF_BUILD"):
        address = f"{environment['SYSTEM_COLLECTIONURI']}{environment['SYSTEM_TEAMPROJECT']}"
        return f"{address}/_build", f"{address}/_build/results?buildId={environment['BUILD_BUILDID']}"
    return "local", "local"


def repository_of(environment: Mapping[str, str]) -> str:
    if environment.get("GITHUB_ACTIONS"):
        return f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_REPOSITORY']}"
    return environment.get("BUILD_REPOSITORY_URI", "local")


def here() -> dict[str, str]:
    return dict(os.environ)
