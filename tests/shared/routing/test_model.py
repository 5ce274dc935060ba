"""Names lead to routes, and routes to targets in an order that stays while the targets stay."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.routing.model import Route, RouteTable, Target, in_order

affinities = st.text(st.characters(codec="utf-8"), max_size=40)
targets = st.lists(
    st.builds(
        Target, st.text(st.characters(codec="ascii"), min_size=1, max_size=8), st.integers(1, 4), st.integers(1, 1000)
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda target: target.deployment,
)
KEYS = [f"key-{number}" for number in range(4000)]


def names(ordered: list[Target]) -> list[str]:
    return [target.deployment for target in ordered]


@given(targets, affinities)
def test_the_order_is_a_permutation_that_does_not_depend_on_how_the_targets_are_listed(
    listed: list[Target], affinity: str
) -> None:
    shuffled = sorted(listed, key=lambda target: target.deployment, reverse=True)

    ordered = in_order(listed, affinity)

    assert sorted(names(ordered)) == sorted(names(listed))
    assert in_order(shuffled, affinity) == ordered == in_order(listed, affinity)


@given(targets, affinities)
def test_lower_priorities_come_first(listed: list[Target], affinity: str) -> None:
    priorities = [target.priority for target in in_order(listed, affinity)]

    assert priorities == sorted(priorities)


@given(targets, affinities, st.data())
def test_a_target_that_goes_leaves_the_order_of_the_others(
    listed: list[Target], affinity: str, data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(listed))
    left = [target for target in listed if target is not gone]

    assert in_order(left, affinity) == [target for target in in_order(listed, affinity) if target is not gone]


def test_a_target_that_goes_moves_only_its_own_keys() -> None:
    listed = [Target(name) for name in ("east", "west", "north")]
    before = {key: in_order(listed, key)[0].deployment for key in KEYS}
    after = {key: in_order(listed[:2], key)[0].deployment for key in KEYS}

    moved = {key for key in KEYS if before[key] != after[key]}

    assert moved == {key for key in KEYS if before[key] == "north"}
    assert {after[key] for key in moved} == {"east", "west"}


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 2, 7), (1000, 500, 500)])
def test_first_places_are_shared_by_weight(weights: tuple[int, ...]) -> None:
    listed = [Target(f"t{number}", weight=weight) for number, weight in enumerate(weights)]

    firsts = Counter(in_order(listed, key)[0].deployment for key in KEYS)

    for target in listed:
        share = target.weight / sum(weights)
        assert abs(firsts[target.deployment] / len(KEYS) - share) < 0.04


def test_a_name_before_a_glob_and_the_longest_glob_before_a_shorter_one() -> None:
    routes = [Route(alias, (Target("d"),)) for alias in ("*", "gpt-*", "gpt-4*", "gpt-4o", "gpt-[45]*", "?pt-4", "o1")]
    table = RouteTable(routes)

    found = {model: table.find(model) for model in ("gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-x", "o1", "o1-pro", "opt-4")}

    assert {model: route and route.alias for model, route in found.items()} == {
        "gpt-4o": "gpt-4o",
        "gpt-4o-mini": "gpt-4*",
        "gpt-5": "gpt-*",
        "gpt-x": "gpt-*",
        "o1": "o1",
        "o1-pro": "*",
        "opt-4": "*",
    }


def test_among_globs_that_begin_alike_the_first_counts() -> None:
    table = RouteTable([Route("gpt-?*", (Target("a"),)), Route("gpt-*", (Target("b"),))])

    assert (found := table.find("gpt-5")) is not None
    assert found.alias == "gpt-?*"


def test_names_are_case_sensitive_and_a_glob_is_not_a_name() -> None:
    table = RouteTable([Route("gpt-4o", (Target("a"),)), Route("dall-e-*", (Target("b"),))])

    assert table.find("GPT-4o") is None
    assert table.find("dall-e") is None
    assert table.aliases() == ["gpt-4o"]


@given(st.text(max_size=30))
def test_a_name_without_a_route_has_none(model: str) -> None:
    assert RouteTable([]).find(model) is None
    assert RouteTable([Route("*", (Target("d"),))]).find(model) is not None
