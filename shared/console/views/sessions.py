"""How much of the work agents do, by team and by person."""

from shared.console.visit import Shown, Visit


async def overview(visit: Visit) -> Shown:
    teams = (await visit.get("transformation/teams"))["teams"]
    work = await visit.get("transformation/pull-requests")
    return Shown(
        "sessions.html",
        {
            "teams": sorted(teams, key=lambda team: (-(team["score"] or 0), team["team"])),
            "board": await visit.get("transformation/leaderboard"),
            "work": work,
        },
    )


async def team(visit: Visit) -> Shown:
    """Show a team to who leads it with its people, to the others without."""
    name = visit.path["team"]
    found = await visit.get("transformation/scores", {"team": name, "named": "no" if visit.sees_all else "yes"})
    listed = await visit.get("sessions", {"team": name, "limit": 50, "cursor": visit.query.get("cursor")})
    badges = [] if visit.sees_all else (await visit.get("transformation/badges", {"team": name}))["badges"]
    return Shown(
        "team.html",
        {"team": name, "people": found["people"], "weeks": found["weeks"], "page": listed, "badges": badges},
    )
