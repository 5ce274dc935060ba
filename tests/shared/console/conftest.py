from datetime import timedelta

import pytest

from shared.directory.model import Role
from tests.shared.console.browser import Browser
from tests.shared.management.bookkeeping import NOON
from tests.shared.management.office import Office

HOSTILE = "<script>alert(1)</script>'\"&"


@pytest.fixture
async def office() -> Office:
    """An office in March whose teams have spent something, one of them under a name that is meant to do harm."""
    office = Office()
    for secret, role in (("root", Role.PLATFORM_ADMIN), ("auditor", Role.AUDITOR), ("admin-a", Role.TEAM_ADMIN)):
        office.people.by_key[f"vk_{secret}"] = secret
        assert office.people.known[secret].role is role
    office.clock.set(NOON + timedelta(hours=1))
    books = office.bookkeeping
    await books.spend("a", NOON, 1_234_567_891_234, model="gpt-4o", application="app-a", tags=(f"ticket={HOSTILE}",))
    await books.spend("a", NOON - timedelta(days=2), 2 * 10**6, model=HOSTILE, user="ada")
    await books.spend("b", NOON, None, model="gpt-9", application="app-b")
    return office


@pytest.fixture
def browser(office: Office) -> Browser:
    return Browser(office)
