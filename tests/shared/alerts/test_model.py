"""Notices are bounded and harmless, channels are checked, and routes lead where they say."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.alerts.model import MOST_FACTS, AlertingConfig, AlertRoute, Notice, is_safe_address

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEAMS = {"kind": "teams", "name": "finance", "secret_ref": "env:TEAMS"}
SLACK = {"kind": "slack", "name": "ops", "secret_ref": "kv://vault/slack"}
HOOK = {"kind": "webhook", "name": "hook", "url": "https://hooks.example/x?a=1", "secret_ref": "db://hook"}
SMTP = {
    "kind": "smtp",
    "name": "mail",
    "host": "smtp.example",
    "username": "gateway",
    "secret_ref": "env:SMTP",
    "sender": "gateway@contoso.example",
    "recipients": ["ada@contoso.example"],
}
ACS = {
    "kind": "acs_email",
    "name": "acs",
    "endpoint": "https://contoso.communication.azure.com/",
    "sender": "gateway@contoso.example",
    "recipients": ["ada@contoso.example"],
}


def config(*channels: dict[str, Any], routes: list[dict[str, Any]] | None = None) -> AlertingConfig:
    listed = channels or (TEAMS, SLACK)
    return AlertingConfig.model_validate(
        {"channels": list(listed), "routes": routes or [{"channels": [listed[0]["name"]]}]}
    )


def notice(**changes: Any) -> Notice:
    return Notice(
        **{"id": "n", "kind": "budget", "severity": "warning", "title": "T", "text": "X", "at": NOW, **changes}
    )


def test_every_kind_of_channel_can_be_configured_and_names_its_secrets() -> None:
    alerting = config(TEAMS, SLACK, HOOK, SMTP, ACS)

    assert [type(channel).__name__ for channel in alerting.channels] == [
        "TeamsChannel", "SlackChannel", "WebhookChannel", "SmtpChannel", "AcsEmailChannel",
    ]  # fmt: skip
    assert alerting.secret_refs() == ("env:TEAMS", "kv://vault/slack", "db://hook", "env:SMTP")


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        ({**HOOK, "url": "http://hooks.example"}, "https"),
        ({**HOOK, "url": "https://user:pass@hooks.example"}, "credentials"),
        ({**HOOK, "url": "https://hooks.example/\r\nX: y"}, "https"),
        ({**HOOK, "url": "ftp://hooks.example"}, "https"),
        ({**TEAMS, "url": "https://x.example"}, "Extra"),
        ({**SMTP, "security": "none"}, "loopback"),
        ({**SMTP, "username": None}, "go together"),
        ({**SMTP, "sender": "a@b.example\r\nBcc: eve@evil.example"}, "pattern"),
        ({**SMTP, "recipients": ["Ada <ada@contoso.example>"]}, "pattern"),
        ({**SMTP, "recipients": ["a@b.example,eve@evil.example"]}, "pattern"),
        ({**SMTP, "recipients": []}, "empty"),
        ({**TEAMS, "most_per_hour": 0}, "greater"),
        ({**TEAMS, "kind": "pager"}, "kind"),
    ],
)
def test_what_cannot_be_meant_is_refused(channel: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        config(channel)


def test_mail_without_tls_is_allowed_on_this_machine() -> None:
    assert config({**SMTP, "host": "127.0.0.1", "security": "none"}).channel("mail") is not None


def test_names_have_to_be_unique_and_routes_to_lead_somewhere() -> None:
    with pytest.raises(ValidationError, match="same name"):
        config(TEAMS, {**SLACK, "name": "finance"})
    with pytest.raises(ValidationError, match="no channel is named 'nobody'"):
        config(TEAMS, routes=[{"channels": ["nobody"]}])


@pytest.mark.parametrize(
    ("route", "matches"),
    [
        ({}, True),
        ({"kinds": ["budget", "anomaly"]}, True),
        ({"kinds": ["anomaly"]}, False),
        ({"min_severity": "warning"}, True),
        ({"min_severity": "critical"}, False),
        ({"teams": ["search"]}, True),
        ({"teams": ["ads"]}, False),
        ({"teams": ["search"], "kinds": ["anomaly"]}, False),
    ],
)
def test_a_route_matches_where_every_condition_does(route: dict[str, Any], matches: bool) -> None:
    rule = AlertRoute.model_validate({"channels": ["finance"], **route})

    assert rule.matches(notice(team="search")) == matches


def test_a_route_of_teams_has_nothing_of_the_organization() -> None:
    assert not AlertRoute.model_validate({"channels": ["finance"], "teams": ["search"]}).matches(notice())


def test_a_channel_gets_a_notice_once_however_many_routes_lead_there() -> None:
    routes = [{"channels": ["ops", "finance"]}, {"channels": ["finance"], "kinds": ["budget"]}]

    assert config(TEAMS, SLACK, routes=routes).channels_for(notice()) == ("finance", "ops")


@pytest.mark.parametrize("id", ["", "a/b", "a\\b", "a?b", "a#b", "a\nb", "x" * 129])
def test_an_id_that_cannot_be_stored_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="id of a notice"):
        notice(id=id)


@settings(max_examples=100)
@given(st.text(max_size=400), st.lists(st.tuples(st.text(max_size=100), st.text(max_size=300)), max_size=30))
def test_whatever_a_notice_says_it_is_bounded_and_free_of_control_characters(
    text: str, facts: list[tuple[str, str]]
) -> None:
    bounded = notice(title=text, text=text * 10, facts=tuple(facts)).bounded()

    everything = [bounded.title, *(part for fact in bounded.facts for part in fact)]
    assert len(bounded.title) <= 150
    assert len(bounded.text) <= 2000
    assert len(bounded.facts) <= MOST_FACTS
    assert not any(character in part for part in everything for character in "\r\n\x00\x1b\u202e\u2028")
    assert "".join(everything).encode().decode() == "".join(everything)
    assert bounded.bounded() == bounded


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "http://console.example",
        "https://x.example/" + "a" * 500,
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "https://[",
    ],
)
def test_a_link_that_nobody_should_follow_is_left_out(link: str) -> None:
    assert notice(link=link).bounded().link is None
    assert notice(link="https://console.example/alerts").bounded().link is not None


@pytest.mark.parametrize(
    "address", ["https://x.example:0/", "https://", "https://é.example", "https://[::1", "//x.example"]
)
def test_odd_addresses_are_not_safe(address: str) -> None:
    assert not is_safe_address(address)
    assert is_safe_address("https://prod.workflows.example/x?sig=a%2Fb")


def test_the_example_of_the_how_to_is_one() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "send-alerts.md"
    (example,) = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)

    assert len(AlertingConfig.model_validate(yaml.safe_load(example)["alerting"]).channels) == 5
