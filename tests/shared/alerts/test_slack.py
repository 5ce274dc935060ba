"""Slack is given blocks in which nobody is mentioned and nothing is linked."""

from dataclasses import replace

import orjson

from shared.alerts.slack import escaped, slack_message
from tests.shared.alerts.notices import HOSTILE, NOTICE


def test_the_message_shows_title_text_facts_and_a_way_to_more() -> None:
    message = orjson.loads(slack_message(NOTICE))

    header, text, facts, actions = message["blocks"]
    assert header["text"] == {"type": "plain_text", "text": f"‼ {NOTICE.title}"[:150], "emoji": False}
    assert text["text"] == {"type": "plain_text", "text": NOTICE.text, "emoji": False}
    assert [field["text"] for field in facts["fields"]] == [f"*Team*\n{escaped(HOSTILE)}", "*Spent*\n8 of 10"]
    assert actions["elements"][0]["url"] == "https://console.example/alerts"


def test_what_slack_would_read_is_escaped_wherever_it_reads() -> None:
    message = orjson.loads(slack_message(NOTICE))

    read = [message["text"], *(field["text"] for field in message["blocks"][2]["fields"])]
    assert not any("<" in text or ">" in text for text in read)
    assert escaped("a & <!here>") == "a &amp; &lt;!here&gt;"


def test_the_largest_message_fits() -> None:
    long = "&" * 5000
    notice = replace(NOTICE, title=long, text=long, facts=((long, long),) * 50, link=None).bounded()

    blocks = orjson.loads(slack_message(notice))["blocks"]
    assert [len(block.get("fields", ())) for block in blocks] == [0, 0, 10, 10]
    assert max(len(field["text"]) for block in blocks for field in block.get("fields", ())) <= 2000
    assert len(blocks[0]["text"]["text"]) <= 150
    assert len(blocks[1]["text"]["text"]) <= 3000
