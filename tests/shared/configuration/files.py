"""A valid configuration, and ways to spoil it."""

from pathlib import Path

from shared.configuration.loading import load_configuration
from shared.configuration.model import Configuration

VALID = """\
version: 1
deployments:
  - name: east
    endpoint: https://east.example
    region: eastus
routes:
  - alias: gpt-4o
    targets:
      - deployment: east
teams:
  - id: research
keys:
  - id: vk_1
    owner: teams/research
    secret_ref: env:KEY
"""


def load(text: str | bytes, tmp_path: Path, **environment: str) -> Configuration:
    path = tmp_path / "gateway.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_configuration(path, environment)


def changed(old: str, new: str) -> str:
    assert VALID.count(old) == 1
    return VALID.replace(old, new)
