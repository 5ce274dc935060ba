"""`tollgate apply` and `tollgate export`: everything as one file, made so and read back."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cli import changes
from cli.client import objects
from cli.errors import Mistake, Refused, Unreachable, misused, refused
from cli.resources import Resources, read_resources
from cli.session import Session
from cli.terminal import as_json, is_plain

DIFFERENCES = 3


def apply(session: Session, args: Namespace) -> int:
    resources = read_resources(args.files, session.terminal.stdin)
    for note in resources.notes:
        session.terminal.note(f"note: {note}")
    if args.prune and not resources.wanted:
        raise misused("--prune", "would delete everything, for the files have no section that is applied")
    planned = _send(session, _request(resources, args, dry_run=True), resources)
    shown = objects(planned, "changes")
    if not shown:
        session.terminal.show("No changes.")
        return 0
    _show(session, shown, ("to create", "to update", "to delete"))
    if args.dry_run:
        return DIFFERENCES
    if not args.yes:
        _ask(session)
    request = _request(resources, args, dry_run=False)
    if "fingerprint" in planned:
        # What is made is what was shown, or nothing.
        request["expect"] = planned["fingerprint"]
    return _finish(session, _send(session, request, resources), shown)


def _request(resources: Resources, args: Namespace, *, dry_run: bool) -> dict[str, Any]:
    request: dict[str, Any] = {"resources": resources.wanted, "prune": args.prune, "dry_run": dry_run}
    return {**request, "keep": resources.kept} if args.prune and resources.kept else request


def _send(session: Session, request: Mapping[str, Any], resources: Resources) -> dict[str, Any]:
    dry_run = bool(request["dry_run"])
    try:
        return session.client.post("apply", request, is_safe=dry_run)
    except Refused as error:
        raise error.placed(resources.place) from None
    except Unreachable as error:
        if dry_run:
            raise
        unknown = Mistake(
            "", "Whether the changes were made is not known: apply again to see. Rotate keys that are new."
        )
        raise Unreachable([*error.mistakes, unknown]) from None


def _ask(session: Session) -> None:
    answer = session.terminal.confirms("Apply these changes?")
    if answer is None:
        raise misused("--yes", "is needed where nobody can be asked")
    if not answer:
        raise refused("Nothing was applied.")


def _finish(session: Session, answer: Mapping[str, Any], shown: list[dict[str, Any]]) -> int:
    made = objects(answer, "changes")
    secrets = answer.get("secrets")
    if isinstance(secrets, dict) and secrets:
        session.terminal.note("The secrets of the new keys; they are not shown again:")
        for key, secret in secrets.items():
            session.terminal.show(f"{key}: {secret}")
    stopped_by = answer.get("stopped_by")
    if made != shown and not stopped_by:
        session.terminal.note("note: somebody else changed resources meanwhile; this was made instead:")
    if made != shown:
        _show(session, made, ("created", "updated", "deleted"))
    else:
        session.terminal.show(changes.summary(made, ("created", "updated", "deleted")))
    if stopped_by:
        raise refused(f"The rest was not made: {stopped_by} Apply again to go on.")
    return 0


def _show(session: Session, made: list[dict[str, Any]], words: tuple[str, str, str]) -> None:
    for line in changes.lines(made):
        session.terminal.show(line)
    session.terminal.show(changes.summary(made, words))


def export(session: Session, args: Namespace) -> int:
    everything = session.client.get("export")
    text = as_json(everything) if args.format == "json" else as_yaml(everything)
    if args.output in (None, "-"):
        session.terminal.stdout.write(text)
        return 0
    try:
        Path(args.output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise misused("--output", f"cannot be written: {error.strerror}") from None
    return 0


def as_yaml(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Dumper(yaml.SafeDumper):
    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Quote what the parser would take for the end of a line; in quotes it is escaped."""
        if is_plain(data):
            return super().represent_str(data)
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"')


_Dumper.add_representer(str, _Dumper.represent_str)
