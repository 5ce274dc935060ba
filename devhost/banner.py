"""What the start prints: where the gateway is, a key, and two ways to try it that work as printed."""

from dataclasses import dataclass
from pathlib import Path

import yaml

_FAVOURITE, _FAVOURITE_TEAM = "gpt-4o-mini", "demo"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the banner tells."""

    url: str
    demo_key: str
    operator_key: str
    config_path: Path
    data_dir: Path
    upstream: str
    functions: int
    timers: int
    queues: int


def render(facts: Facts) -> str:
    """Return the banner. A key is shown only where the configuration admits it."""
    text = facts.config_path.read_text()
    key = facts.demo_key if "TOLLGATE_DEMO_KEY" in text else "sk-… (a key of your configuration)"
    operator = facts.operator_key if "TOLLGATE_OPERATOR_KEY" in text else "sk-… (a key with the role platform_admin)"
    model, team = example_model(text), example_team(text)
    return f"""
Tollgate is ready at {facts.url}

  key        {key}
  operator   {operator}
  console    {facts.url}/console (sign in with the operator's key)
  upstream   {facts.upstream}
  config     {facts.config_path}
  data       {facts.data_dir}
  functions  {facts.functions}, of which {facts.timers} timers and {facts.queues} queues

Try it with curl:

curl {facts.url}/v1/chat/completions -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Say hello."}}]}}'

or with the OpenAI SDK (pip install openai):

from openai import OpenAI
client = OpenAI(base_url="{facts.url}/v1", api_key="{key}")
question = [{{"role": "user", "content": "Say hello."}}]
answer = client.chat.completions.create(model="{model}", messages=question)
print(answer.choices[0].message.content)

Give somebody a key of their own:

TOLLGATE_KEY={operator} TOLLGATE_URL={facts.url} .venv/bin/tollgate keys mint --team {team}
"""


def example_model(config: str) -> str:
    """Return a model that the configuration routes by name, best a small chat model."""
    named = [alias for alias in _each(config, "routes", "alias") if "*" not in alias]
    return _FAVOURITE if _FAVOURITE in named or not named else named[0]


def example_team(config: str) -> str:
    """Return a team that the configuration declares, best the one for demonstrations."""
    teams = _each(config, "teams", "id")
    return _FAVOURITE_TEAM if _FAVOURITE_TEAM in teams or not teams else teams[0]


def _each(config: str, section: str, field: str) -> list[str]:
    try:
        return [str(item[field]) for item in (yaml.safe_load(config) or {}).get(section) or []]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return []
