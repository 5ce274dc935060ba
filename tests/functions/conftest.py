from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def triggers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every function of the app as the host indexes it: its name, its trigger binding and its code."""
    monkeypatch.setenv("TOLLGATE_CONFIG", str(ROOT / "devhost" / "gateway.yaml"))
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://example.openai.azure.com")
    from functions import build_app

    found = []
    for function in build_app().get_functions():
        trigger = function.get_trigger()
        found.append(
            {**trigger.get_dict_repr(), "name": function.get_function_name(), "code": function.get_user_function()}
        )
    return found


@pytest.fixture
def http_triggers(triggers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [trigger for trigger in triggers if trigger["type"] == "httpTrigger"]


Code = Callable[..., Any]
