"""Entries follow each other, and only who has the pepper can write one that does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.audit.model import FIRST, HEAD, Actor, Alteration, Chain, Head, entry_id
from shared.documents import Create, Document, Json, Operation, Replace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA = Actor("ada", "operator")
CHAIN = Chain(b"pepper")


def alteration(number: int) -> Alteration:
    return Alteration(f"teams/t{number}", None, {"id": f"t{number}"}, "team.create", f"t{number}")


def written(chain: Chain, head: Document | None, *numbers: int) -> tuple[list[Json], Document]:
    entries, new_head = chain.entries_for(head, ADA, [alteration(number) for number in numbers], NOW, "req_1")
    return [_body(entry) for entry in entries], Document(_body(new_head), "next")


def _body(operation: Operation) -> Json:
    assert isinstance(operation, Create | Replace)
    return operation.document


def test_an_entry_says_who_did_what_when_to_which_resource() -> None:
    ((entry,), _) = written(CHAIN, None, 7)

    assert {name: value for name, value in entry.items() if name != "seal"} == {
        "schema": 1,
        "id": "audit|000000000001",
        "kind": "audit",
        "seq": 1,
        "at": "2026-01-01T00:00:00+00:00",
        "actor": {"id": "ada", "kind": "operator"},
        "action": "team.create",
        "target": "teams/t7",
        "team": "t7",
        "before": None,
        "after": {"id": "t7"},
        "request_id": "req_1",
        "previous": FIRST,
    }


def test_every_entry_names_the_seal_of_the_one_before_it_across_commits() -> None:
    first, head = written(CHAIN, None, 1, 2)
    second, head = written(CHAIN, head, 3)
    entries = [*first, *second]

    assert [entry["id"] for entry in entries] == [entry_id(seq) for seq in (1, 2, 3)]
    assert [entry["previous"] for entry in entries] == [FIRST, *(entry["seal"] for entry in entries[:-1])]
    assert CHAIN.head_of(head) == Head(3, str(entries[-1]["seal"]))


def test_the_head_moves_only_from_where_it_was_read() -> None:
    _, created = CHAIN.entries_for(None, ADA, [alteration(1)], NOW)
    assert isinstance(created, Create)
    _, moved = CHAIN.entries_for(Document(created.document, "5"), ADA, [alteration(2)], NOW)

    assert isinstance(moved, Replace)
    assert (moved.document["id"], moved.if_match) == (HEAD, "5")


def test_an_entry_follows_only_the_one_that_it_was_written_after() -> None:
    (first, second), _ = written(CHAIN, None, 1, 2)
    end = Head(1, str(first["seal"]))

    assert CHAIN.follows(first, Head())
    assert CHAIN.follows(second, end)
    assert not CHAIN.follows(second, Head())
    assert not CHAIN.follows(first, end)


@pytest.mark.parametrize("seal", [None, "", 5, "ü", "0" * 64])
def test_what_bears_no_seal_of_ours_does_not_follow(seal: object) -> None:
    ((entry,), _) = written(CHAIN, None, 1)
    forged: dict[str, Any] = {**entry, "seal": seal}

    assert not CHAIN.follows(forged, Head())
    assert not CHAIN.follows({name: value for name, value in entry.items() if name != "seal"}, Head())


def test_who_does_not_have_the_pepper_cannot_continue_the_chain() -> None:
    first, head = written(CHAIN, None, 1)
    forged, forged_head = written(Chain(b"guess"), head, 2)

    assert not CHAIN.follows(forged[0], Head(1, str(first[0]["seal"])))
    assert CHAIN.head_of(forged_head) is None


def test_entries_after_a_head_that_is_not_genuine_do_not_heal_the_chain() -> None:
    (first, *_), head = written(CHAIN, None, 1, 2, 3)
    cut = Document({**head.body, "seq": 1, "last": first["seal"]}, "6")
    (later,), new_head = written(CHAIN, cut, 4)

    assert CHAIN.head_of(cut) is None
    assert CHAIN.head_of(new_head) == Head(2, str(later["seal"]))
    assert later["id"] == entry_id(2)
    assert not CHAIN.follows(later, Head(1, str(first["seal"])))
