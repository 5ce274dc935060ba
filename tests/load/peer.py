"""The peer gateway from PyPI, in a virtual environment of its own under .tools/, made on first use."""

import json
import subprocess
import sys
from pathlib import Path

from tests.load.processes import PROJECT

VERSION = "1.100.5"
HOME = PROJECT / ".tools" / f"litellm-{VERSION}"
ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
}
_MARKER = HOME / "installed"
_INSTALL_S = 400


class InstallFailed(Exception):
    """The last line that the package installer said."""


def install() -> None:
    """Install the peer unless that has been done. Raises InstallFailed."""
    if _MARKER.exists():
        return
    print(f"Installing LiteLLM {VERSION} in {HOME.relative_to(PROJECT)} (once) …", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--clear", str(HOME)])
    pip = [str(HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--only-binary", ":all:", f"litellm[proxy]=={VERSION}"])
    _MARKER.touch()


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(f"it took more than {_INSTALL_S} s") from error
    if done.returncode:
        raise InstallFailed((done.stderr.strip().splitlines() or ["no reason given"])[-1])


def write_config(directory: Path, api_base: str, model: str, key: str) -> Path:
    """Write the peer's configuration: one model, one key, nothing that talks to anyone else."""
    config = directory / "litellm.json"
    parameters = {"model": f"openai/{model}", "api_base": api_base, "api_key": "sk-upstream"}
    settings = {
        "model_list": [{"model_name": model, "litellm_params": parameters}],
        "litellm_settings": {"telemetry": False, "request_timeout": 60, "num_retries": 0},
        "general_settings": {"master_key": key},
    }
    config.write_text(json.dumps(settings))  # JSON is YAML
    return config


def command(config: Path, host: str, port: int) -> list[str]:
    arguments = ["--config", str(config), "--host", host, "--port", str(port), "--num_workers", "1"]
    return [str(HOME / "bin" / "litellm"), *arguments, "--telemetry", "False"]
