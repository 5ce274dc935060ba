from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.steps.commands import CommandFailed, Commands
from pipelines.steps.environments import Environment
from pipelines.steps.logs import query_for, show
from tests.pipelines.cloud import Cloud

OUTPUTS = {"resourceGroupName": "rg", "functionAppName": "func", "gatewayUrl": "https://g", "keyVaultName": "kv"}


def test_lines_are_shown_oldest_first(
    cloud: Callable[..., Cloud], infra: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"TimeGenerated": f"2026-01-0{day}", "SeverityLevel": 1, "Text": f"line {day}"} for day in (2, 1)]
    cloud(outputs=OUTPUTS, rows=rows)

    show(Commands(), Environment("dev", infra), query_for(30, False, None, 100))

    assert capsys.readouterr().out.splitlines() == ["2026-01-01  1  line 1", "2026-01-02  1  line 2"]


def test_a_question_is_for_problems_and_for_one_call() -> None:
    query = query_for(60, True, "req_0-1", 10)

    assert "SeverityLevel >= 2" in query
    assert query.count("'req_0-1'") == 2
    assert "ago(60m)" in query


@pytest.mark.parametrize("request_id", ["x' | union AppRequests //", "", "a b"])
def test_an_id_cannot_be_a_query(request_id: str) -> None:
    with pytest.raises(CommandFailed, match="id of a request"):
        query_for(30, False, request_id, 10)
