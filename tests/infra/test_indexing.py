"""What the code looks for or sorts by is indexed, and nothing else is: unindexed sorting fails, and an index costs with each write."""

import pytest

from tests.infra import code
from tests.infra.deployed import ENVIRONMENTS, of_type
from tests.infra.queries import queried

CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"


def test_queries_are_found() -> None:
    found = queried()

    assert found["alerts"] >= {"channel", "held_at", "id", "is_routed", "notice", "stored_at"}
    assert found["directory"] >= {"kind", "owner", "scope", "target"}
    assert found["ledger"] >= {"at", "id", "kind"}
    assert set(found) <= code.containers()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_queried_is_indexed_and_the_reverse(environment: str) -> None:
    policies = {
        each.body["name"]: each.properties["resource"]["indexingPolicy"] for each in of_type(environment, CONTAINERS)
    }
    indexed = {name: {path["path"] for path in policy["includedPaths"]} for name, policy in policies.items()}
    asked = queried()

    assert indexed == {name: {f"/body/{field}/?" for field in asked.get(name, ())} for name in policies}
    assert all({"path": "/*"} in policy["excludedPaths"] for policy in policies.values())
