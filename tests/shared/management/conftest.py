import pytest

from tests.shared.management.office import Office


@pytest.fixture
def office() -> Office:
    """A directory with nothing in it but what the file says."""
    return Office()


@pytest.fixture
async def furnished(office: Office) -> Office:
    await office.furnish()
    return office
