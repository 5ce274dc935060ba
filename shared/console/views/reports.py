"""Reports: started, watched, downloaded, printed."""

from shared.console.responses import guards
from shared.console.visit import Moved, Shown, Visit
from shared.gateway.message import GatewayResponse
from shared.management.problems import Absent

REFRESH_S = 3
_PRINTED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-modals"
"""A report is a page of its own with its own style, made of names that others have chosen: nothing in it may run or send."""


async def reports(visit: Visit) -> Shown:
    page = await visit.get("reports/runs", {"limit": 50, "cursor": visit.query.get("cursor")})
    definitions = (await visit.get("reports/definitions"))["data"]
    is_busy = any(run["state"] in ("requested", "running") for run in page["data"])
    return Shown("reports.html", {"page": page, "definitions": definitions}, refresh_s=10 if is_busy else None)


async def start(visit: Visit) -> Moved:
    span = {name: value for name in ("from", "to") if (value := visit.form.get(name))}
    run = await visit.post("reports/runs", {"report": visit.form.get("report", ""), **span})
    return Moved(f"/console/reports/{run['id']}", "started")


async def reproduce(visit: Visit) -> Moved:
    run = await visit.post(f"reports/runs/{visit.path['run']}/reproduce")
    return Moved(f"/console/reports/{run['id']}", "again")


async def run(visit: Visit) -> Shown:
    found = await visit.get(f"reports/runs/{visit.path['run']}")
    is_over = found["state"] in ("done", "failed")
    return Shown("report.html", {"run": found}, refresh_s=None if is_over else REFRESH_S)


async def download(visit: Visit) -> GatewayResponse:
    answer = await visit.perform("GET", f"reports/runs/{visit.path['run']}/files/{visit.path['file']}")
    assert isinstance(answer.content, bytes)
    return GatewayResponse(200, [*answer.headers, ("cache-control", "private, no-store")], answer.content)


async def printed(visit: Visit) -> GatewayResponse:
    if not visit.path["file"].endswith(".html"):
        raise Absent("Only the page of a report can be printed; download the other files.")
    answer = await visit.perform("GET", f"reports/runs/{visit.path['run']}/files/{visit.path['file']}")
    assert isinstance(answer.content, bytes)
    kept = [(name, value) for name, value in guards() if name != "content-security-policy"]
    headers = [("content-type", "text/html; charset=utf-8"), ("content-security-policy", _PRINTED), *kept]
    return GatewayResponse(200, headers, answer.content)
