from hypothesis import given
from hypothesis import strategies as st

from shared.directory.model import ORGANIZATION, Area, Key, Organization, Policy, Resource, Team, User, address_of
from shared.management.differences import differences, first_batch
from shared.management.references import reference_of

NAMES = st.sampled_from(["x", "y"])
RESOURCES: st.SearchStrategy[Resource] = st.one_of(
    st.builds(Organization, name=NAMES),
    st.builds(Area, id=NAMES),
    st.builds(Team, id=NAMES, area=NAMES),
    st.builds(User, id=NAMES, team=NAMES),
    st.builds(Key, id=NAMES.map("vk_{}".format), owner=NAMES.map("teams/{}".format)),
    st.builds(Policy, id=NAMES.map("pol_{}".format), scope=NAMES.map("keys/vk_{}".format)),
)
STATES = st.lists(RESOURCES).map(lambda resources: {address_of(resource): resource for resource in resources})


def is_whole(state: dict[str, Resource]) -> bool:
    references = [reference_of(resource) for resource in state.values()]
    return all(reference is None or reference[1] in state for reference in references)


@given(STATES, STATES)
def test_the_changes_lead_from_one_state_to_the_other(
    current: dict[str, Resource], desired: dict[str, Resource]
) -> None:
    state = dict(current)
    for change in differences(current, desired, prune=True):
        assert state.get(change.address) == change.before
        if change.after is None:
            del state[change.address]
        else:
            state[change.address] = change.after

    kept = {ORGANIZATION: current[ORGANIZATION]} if ORGANIZATION in current else {}
    assert state == {**kept, **desired}


@given(STATES.filter(is_whole), STATES.filter(is_whole))
def test_after_every_change_nothing_hangs_in_the_air(
    current: dict[str, Resource], desired: dict[str, Resource]
) -> None:
    state = dict(current)
    for change in differences(current, desired, prune=True):
        state.pop(change.address, None)
        if change.after is not None:
            state[change.address] = change.after
        assert is_whole(state)


@given(STATES, STATES)
def test_without_pruning_nothing_is_deleted(current: dict[str, Resource], desired: dict[str, Resource]) -> None:
    assert all(change.after is not None for change in differences(current, desired, prune=False))


@given(STATES, st.integers(0, 12))
def test_a_batch_is_a_beginning_that_fits_and_never_nothing(desired: dict[str, Resource], room: int) -> None:
    changes = differences({}, desired, prune=True)
    costs = {change.address: 2 for change in changes}

    batch = first_batch(changes, costs, room)

    assert changes[: len(batch)] == batch
    assert len(batch) == min(len(changes), max(1, room // 2))
