"""What people were told, and whether it arrived."""

from shared.console.visit import Moved, Shown, Visit

_SHOWN = 50


async def alerts(visit: Visit) -> Shown:
    notices = await visit.get("notices", {"limit": _SHOWN, "cursor": visit.query.get("notices")})
    deliveries, channels = None, None
    if visit.sees_all:
        channels = (await visit.get("channels"))["data"]
        deliveries = await visit.get("deliveries", {"limit": _SHOWN, "cursor": visit.query.get("deliveries")})
    return Shown("alerts.html", {"notices": notices, "deliveries": deliveries, "channels": channels, "tried": None})


async def retry(visit: Visit) -> Moved:
    await visit.post(
        "deliveries/retry", {"notice": visit.form.get("notice", ""), "channel": visit.form.get("channel", "")}
    )
    return Moved("/console/alerts", "retried")


async def try_channel(visit: Visit) -> Shown:
    tried = await visit.post(f"channels/{visit.form.get('channel', '')}/test")
    shown = await alerts(visit)
    return Shown(shown.template, {**shown.values, "tried": tried})
