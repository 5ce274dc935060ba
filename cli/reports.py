"""`tollgate reports …`: make, make again, list, download and verify."""

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cli import manifest
from cli.client import required
from cli.durations import shown
from cli.errors import misused, refused
from cli.session import Session

POLL_S = 1.0
_WIDTH = 30


def run(session: Session, args: Namespace) -> int:
    """Start a report and, unless told not to, wait for it with a line that shows how far it is."""
    asked = (("period", args.period), ("from", args.start), ("to", args.end))
    span = {name: value for name, value in asked if value}
    started = session.client.post("reports/runs", {"report": args.report, **span})
    found = _awaited(session, started, args)
    if args.json:
        session.terminal.show_json(found)
    else:
        session.terminal.show(required(found, "id"))
        for name in found.get("files") or ():
            session.terminal.note(f"  {name}")
    _check(found)
    return 0


def reproduce(session: Session, args: Namespace) -> int:
    """Make a report again of what its manifest names, and tell what differs; 1 where anything does."""
    found = _awaited(session, session.client.post(f"reports/runs/{args.id}/reproduce", {}), args)
    told = found.get("reproduces") or {}
    if args.json:
        session.terminal.show_json(found)
    else:
        for line in _comparison(required(found, "id"), told):
            session.terminal.show(line)
    _check(found)
    return 1 if told.get("result") == "differs" else 0


def _awaited(session: Session, found: Mapping[str, Any], args: Namespace) -> Mapping[str, Any]:
    """Wait for a run, unless told not to, with a line that shows how far it is."""
    id = required(found, "id")
    while not args.no_wait and found.get("state") in ("requested", "running"):
        session.terminal.progress(_line(found))
        session.client.sleep(POLL_S)
        found = session.client.get(f"reports/runs/{id}")
    session.terminal.progress("")
    return found


def _check(found: Mapping[str, Any]) -> None:
    if found.get("state") == "failed":
        raise refused(f"The report failed: {found.get('reason')}")


def _comparison(id: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{id}: {told.get('run')} made again: {told.get('result') or 'not known yet'}"
    for each in told.get("inputs") or ():
        place, why = f"ledger of {each.get('team')}, {each.get('month')}", each.get("reason")
        yield f"  {place}: {each.get('then')} postings then, {each.get('now')} now ({why})"
    for each in told.get("changes") or ():
        yield f"  {each.get('what')}: {each.get('then')} then, {each.get('now')} now"
    for name in told.get("files") or ():
        yield f"  {name} differs"
    for note in told.get("notes") or ():
        yield f"  {note}"


def list_runs(session: Session, args: Namespace) -> int:
    found = list(session.client.pages("reports/runs", most=args.limit))
    if args.json:
        session.terminal.show_json(found)
        return 0
    session.terminal.table(
        ("id", "report", "period", "state", "%", "requested", "by"),
        [
            (*(item.get(name) for name in ("id", "report", "period", "state", "percent")),
             shown(item.get("requested_at")), item.get("by"))
            for item in found
        ],
    )  # fmt: skip
    return 0


def download(session: Session, args: Namespace) -> int:
    """Write every file of a run into a folder; what is there already is never overwritten."""
    found = session.client.get(f"reports/runs/{args.id}")
    names = [str(name) for name in found.get("files") or ()]
    if not names:
        raise refused(f"The run has no files; it is {found.get('state')}.")
    folder = Path(args.output or args.id)
    targets = [folder / name for name in names]
    for target in targets:
        if not manifest.is_plain_name(target.name) or target.parent != folder:
            raise refused("The run names a file that cannot be beside the others.")
        if target.exists():
            raise misused("--output", f"{target} is there already")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in zip(names, targets, strict=True):
            with target.open("xb") as file:
                for piece in session.client.content(f"reports/runs/{args.id}/files/{name}"):
                    file.write(piece)
            session.terminal.show(str(target))
    except OSError as error:
        raise misused("--output", f"cannot be written: {error.strerror}") from None
    return 0


def verify(session: Session, args: Namespace) -> int:
    """Check a folder on this machine; nothing is asked of the gateway."""
    try:
        verdict = manifest.verify(Path(args.folder), args.key)
    except OSError as error:
        raise misused("FOLDER", f"cannot be read: {error.strerror}") from None
    if args.json:
        session.terminal.show_json(
            {"run": verdict.run, "key_id": verdict.key_id, "signature": verdict.signature, "problems": verdict.problems}
        )
    elif not verdict.problems:
        session.terminal.show(f"{verdict.run}: {verdict.files} files are what the manifest says.")
        session.terminal.show(_signature(verdict))
    if verdict.problems:
        raise refused("; ".join(verdict.problems))
    return 0


def _signature(verdict: manifest.Verdict) -> str:
    if verdict.signature == "valid":
        return f"The signature is valid; signed with the key {verdict.key_id}."
    return "The signature was NOT checked: that takes the package cryptography (pip install cryptography)."


def _line(found: Mapping[str, Any]) -> str:
    percent = found.get("percent")
    done = percent if isinstance(percent, int) else 0
    filled = _WIDTH * min(max(done, 0), 100) // 100
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {done:3} %  {found.get('step') or ''}"
