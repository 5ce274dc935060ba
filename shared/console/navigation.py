"""The parts of the console, to whom each shows, and what pages say after something was done."""

from dataclasses import dataclass

from shared.directory.model import Role
from shared.management.authority import READERS, TEAM_READERS


@dataclass(frozen=True, slots=True)
class Link:
    path: str
    title: str
    roles: frozenset[Role]


LINKS = (
    Link("/console", "Overview", TEAM_READERS),
    Link("/console/costs", "Costs", TEAM_READERS),
    Link("/console/periods", "Periods", READERS),
    Link("/console/reports", "Reports", READERS),
    Link("/console/reconciliation", "Reconciliation", READERS),
    Link("/console/sessions", "Sessions", TEAM_READERS),
    Link("/console/alerts", "Alerts", TEAM_READERS),
    Link("/console/dead-letters", "Dead letters", READERS),
)

DONE = {
    "closing": "The month is locked. It is closed within minutes, once everything in it is proved.",
    "started": "The report is on its way.",
    "again": "The report is made again of what its manifest names; then the two are compared.",
    "retried": "The notice is delivered again within a minute.",
    "replayed": "The message went back to its queue.",
    "discarded": "The message was given up.",
    "proved": "Every part of the month was looked at.",
    "classified": "The days were counted again.",
    "adjusted": "The adjustment is posted.",
    "rerated": "What has a price by now was priced.",
}
"""What was done, by the word in the address: nothing that an address says is ever shown itself."""


def links_for(role: Role) -> tuple[Link, ...]:
    return tuple(link for link in LINKS if role in link.roles)
