"""Teams is given an Adaptive Card in which nothing is read as Markdown."""

from dataclasses import replace

import orjson

from shared.alerts.model import MOST_FACTS
from shared.alerts.teams import teams_message
from tests.shared.alerts.notices import HOSTILE, NOTICE


def test_the_card_shows_title_text_facts_and_a_way_to_more() -> None:
    message = orjson.loads(teams_message(NOTICE))
    (attachment,) = message["attachments"]
    card = attachment["content"]

    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [run["text"] for block in card["body"] for run in block["inlines"]] == [
        NOTICE.title, NOTICE.text, "Team: ", HOSTILE, "Spent: ", "8 of 10",
    ]  # fmt: skip
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": "https://console.example/alerts"}]


def test_every_text_is_a_run_that_is_shown_as_it_is() -> None:
    card = orjson.loads(teams_message(NOTICE))["attachments"][0]["content"]

    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}


def test_the_largest_card_fits() -> None:
    long = "\u20ac" * 5000
    notice = replace(NOTICE, title=long, text=long, facts=((long, long),) * 50).bounded()

    assert len(notice.facts) == MOST_FACTS
    assert len(teams_message(notice)) < 28 * 1024
    assert "actions" not in orjson.loads(teams_message(replace(notice, link=None)))["attachments"][0]["content"]
