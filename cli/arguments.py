"""The command line: every command with its arguments, and the function that carries it out."""

import argparse
import re
from collections.abc import Callable
from typing import Any

from cli import apply, books, keys, questions, reports, spending
from cli.durations import duration
from cli.settings import DEFAULT_URL

ROLES = ("developer", "team_admin", "auditor", "platform_admin")
EPILOG = """Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 apply --dry-run has found differences.
The key comes from TOLLGATE_KEY or --key-file, never from an argument, which other users of the machine could read."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="tollgate", description="Runs the AI gateway from a command line.", epilog=EPILOG)
    _add_connection(top, None)
    shared = _Parser(add_help=False)
    _add_connection(shared, argparse.SUPPRESS)
    commands = _Commands(top, shared)
    _add_keys(commands.group("keys", "virtual keys"))
    _add_files(commands)
    _add_questions(commands)
    _add_spending(commands)
    _add_reports(commands.group("reports", "reports of finance"))
    _add_books(commands)
    return top


class _Parser(argparse.ArgumentParser):
    """Takes no abbreviations: `--key` must never come to mean `--key-file`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)


class _Commands:
    """Adds commands that all take the connection's arguments."""

    def __init__(self, parent: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
        self._shared = shared
        self._commands = parent.add_subparsers(required=True, metavar="COMMAND")

    def group(self, name: str, help: str) -> "_Commands":
        return _Commands(self._commands.add_parser(name, help=help, description=help), self._shared)

    def add(self, name: str, run: Callable[..., int], help: str, *, json: bool = True) -> argparse.ArgumentParser:
        command = self._commands.add_parser(name, help=help, description=help, parents=[self._shared])
        command.set_defaults(run=run, is_offline=False)
        if json:
            command.add_argument("--json", action="store_true", help="write JSON")
        return command


def _add_connection(to: argparse.ArgumentParser, default: str | None) -> None:
    group = to.add_argument_group("connection")
    group.add_argument("--url", default=default, help=f"the gateway; else TOLLGATE_URL, else {DEFAULT_URL}")
    group.add_argument("--key-file", default=default, metavar="FILE", help="file that holds the key; else TOLLGATE_KEY")
    group.add_argument(
        "--entra-scope", default=default, metavar="SCOPE", help="call with a token of Entra ID for this scope"
    )
    group.add_argument("--insecure", action="store_true", default=default, help="allow plain http to other machines")


def _add_keys(commands: _Commands) -> None:
    mint = commands.add("mint", keys.mint, "make a key; its secret is shown once")
    mint.add_argument("--team", required=True, type=_name)
    owner = mint.add_mutually_exclusive_group()
    owner.add_argument("--application", type=_name, help="the key is this application's, not the team's")
    owner.add_argument("--user", type=_name, help="the key is this user's, not the team's")
    for name in ("--name", "--cost-center", "--client", "--project"):
        mint.add_argument(name)
    mint.add_argument("--role", choices=ROLES, help="what it may do in the management API (developer)")
    mint.add_argument("--models", type=_list, metavar="GLOB,…", help="what it may ask for")
    mint.add_argument("--endpoints", type=_list, metavar="GLOB,…", help="such as chat.completions,embeddings")
    mint.add_argument("--cidr", dest="cidrs", type=_list, metavar="NETWORK,…", help="where it may call from")
    mint.add_argument(
        "--expires", metavar="WHEN", help="90d, 2027-01-31 (its first moment, UTC), or a time with its zone"
    )
    rotate = commands.add("rotate", keys.rotate, "give a key a new secret, which is shown once")
    rotate.add_argument("--grace", type=_duration, metavar="TIME", help="how long the old secret still works (24h)")
    listing = commands.add("list", keys.list_keys, "list keys")
    listing.add_argument("--team", type=_name)
    for command in (mint, rotate):
        command.add_argument("--quiet", action="store_true", help="write nothing but the secret")
    others = [
        commands.add("show", keys.show, "show a key"),
        commands.add("disable", keys.disable, "switch a key off"),
        commands.add("enable", keys.enable, "switch a key on again"),
        commands.add("delete", keys.delete, "delete a key for good", json=False),
    ]
    for command in (rotate, *others):
        command.add_argument("id", type=_key_id, metavar="ID")


def _add_files(commands: _Commands) -> None:
    applying = commands.add(
        "apply", apply.apply, "make the resources what files say; shows the changes first", json=False
    )
    applying.add_argument(
        "-f", dest="files", action="append", required=True, metavar="FILE", help="- is stdin; repeatable"
    )
    applying.add_argument("--prune", action="store_true", help="delete what the files do not have")
    applying.add_argument(
        "--dry-run", action="store_true", help="change nothing; exit code 3 says that there are differences"
    )
    applying.add_argument("--yes", action="store_true", help="do not ask")
    exporting = commands.add(
        "export", apply.export, "write everything that can be applied, without secrets", json=False
    )
    exporting.add_argument("-o", "--output", metavar="FILE")
    exporting.add_argument("--format", choices=("yaml", "json"), default="yaml")


def _add_questions(commands: _Commands) -> None:
    effective = commands.group("policy", "what applies").add(
        "effective", questions.effective_policy, "list the rules that apply to a key, and where each comes from"
    )
    explaining = commands.add(
        "explain", questions.explain, "say whether a call would be let through (0) or refused (1), and why"
    )
    explaining.add_argument("--endpoint", required=True, help="such as chat.completions")
    explaining.add_argument("--model", required=True)
    for name in ("--prompt-bytes", "--prompt-tokens", "--max-output-tokens"):
        explaining.add_argument(name, type=_count, metavar="NUMBER")
    explaining.add_argument("--address", help="where the call would come from")
    for command in (effective, explaining):
        command.add_argument("--key", type=_key_id, metavar="ID", help="a key's id; else whatever you call with")
    status = commands.group("budgets", "money").add(
        "status", questions.budgets, "show what is spent in the current period"
    )
    status.add_argument("id", nargs="?", type=_budget_id, metavar="ID")
    auditing = commands.add("audit", questions.audit, "list changes, newest first")
    auditing.add_argument("--target", metavar="ADDRESS", help="those of one resource, such as teams/search")
    auditing.add_argument("--limit", type=_count, default=50, metavar="NUMBER", help="how many (50)")
    auditing.add_argument("--verify", action="store_true", help="check that nobody has tampered with them")
    commands.add("whoami", questions.whoami, "show who you are to the gateway")


def _add_spending(commands: _Commands) -> None:
    costs = commands.add("costs", spending.costs, "add up what was spent")
    costs.add_argument("--by", type=_list, default=["team"], metavar="NAME,…", help="up to three: team,model (team)")
    costs.add_argument("--grain", choices=("total", "month", "day", "hour"), default="total", help="steps (total)")
    entries = commands.add("entries", spending.entries, "list the entries of the ledger behind a figure")
    _add_limit(entries, 50)
    for command in (costs, entries):
        _add_span(command)
        for name in spending.FILTERS:
            command.add_argument(f"--{name.replace('_', '-')}", metavar="VALUE", help="only what has just this")
    adjusting = commands.add("adjust", spending.adjust, "post a correction, or with a negative amount a credit")
    adjusting.add_argument("--team", required=True, type=_name)
    adjusting.add_argument("--at", required=True, metavar="WHEN", help="the day that it counts in, such as 2026-11-03")
    adjusting.add_argument("--amount", required=True, type=_amount, help="such as 12.50 or -12.50")
    adjusting.add_argument("--reason", required=True)
    adjusting.add_argument("--idempotency-key", metavar="KEY", help="the same key is posted once")
    for name in ("--application", "--cost-center", "--model"):
        adjusting.add_argument(name)
    rerating = commands.add("rerate", spending.rerate, "price again what has no price, or with --model had another")
    _add_span(rerating, required=True)
    rerating.add_argument("--model", metavar="GLOB")


def _add_reports(commands: _Commands) -> None:
    run = commands.add("run", reports.run, "make a report and wait for it")
    run.add_argument("report", metavar="REPORT", help="its name in the configuration")
    run.add_argument("--period", metavar="MONTH", help="a month such as 2026-11, instead of --from and --to")
    _add_span(run)
    run.add_argument("--no-wait", action="store_true", help="do not wait until it is made")
    again = commands.add("reproduce", reports.reproduce, "make a report again of what its manifest names, and compare")
    again.add_argument("id", type=_name, metavar="RUN")
    again.add_argument("--no-wait", action="store_true", help="do not wait for the result")
    _add_limit(commands.add("list", reports.list_runs, "list runs, newest first"), 20)
    download = commands.add("download", reports.download, "write the files of a run into a folder", json=False)
    download.add_argument("id", type=_name, metavar="ID")
    download.add_argument("-o", "--output", metavar="FOLDER", help="else a folder with the run's id")
    verify = commands.add("verify", reports.verify, "check a folder against its signed manifest, without the gateway")
    verify.set_defaults(is_offline=True)
    verify.add_argument("folder", metavar="FOLDER")
    verify.add_argument("--key", metavar="KEY_ID", help="the key that it must be signed with")


def _add_books(commands: _Commands) -> None:
    periods = commands.group("periods", "reporting months")
    periods.add("list", books.list_periods, "list reporting months")
    showing = periods.add("show", books.show_period, "what a month was closed with, and what was adjusted since")
    showing.add_argument("month", type=_month, metavar="MONTH")
    closing = periods.add("close", books.close_period, "close a month for good")
    closing.add_argument("month", type=_month, metavar="MONTH")
    closing.add_argument("--accept-unpriced", action="store_true", help="although calls have no price yet")
    reconciling = commands.add("reconcile", books.reconcile, "prove the ledger, or hold it against Azure's bill")
    what = reconciling.add_mutually_exclusive_group(required=True)
    what.add_argument("--month", type=_month, help="the UTC month to prove, such as 2026-11")
    what.add_argument("--azure-costs", metavar="FILE", help="an actual-cost export to take in")
    alerts = commands.add("alerts", books.alerts, "list what people were told, newest first")
    alerts.add_argument("--deliveries", action="store_true", help="list what became of it on each channel")
    letters = commands.group("dead-letters", "messages that no job could work with")
    listing = letters.add("list", books.dead_letters, "list them")
    replaying = letters.add("replay", books.replay_dead_letter, "send one again", json=False)
    replaying.add_argument("-f", dest="file", metavar="FILE", help="the corrected message; - is stdin")
    discarding = letters.add("discard", books.discard_dead_letter, "give one up for good", json=False)
    for command in (letters.add("show", books.show_dead_letter, "show one"), replaying, discarding):
        command.add_argument("queue", type=_name, metavar="QUEUE")
        command.add_argument("id", type=_name, metavar="ID")
    for command in (closing, discarding):
        command.add_argument("--yes", action="store_true", help="do not ask")
    sessions = commands.add("sessions", books.sessions, "list sessions with their labels, newest first")
    _add_span(sessions)
    sessions.add_argument("--team", type=_name)
    sessions.add_argument("--user", type=_name)
    for command in (alerts, listing, sessions):
        _add_limit(command, 50)


def _add_span(to: argparse.ArgumentParser, *, required: bool = False) -> None:
    to.add_argument("--from", dest="start", required=required, metavar="WHEN", help="a date, or a time with its zone")
    to.add_argument("--to", dest="end", required=required, metavar="WHEN", help="not included")


def _add_limit(to: argparse.ArgumentParser, default: int) -> None:
    to.add_argument("--limit", type=_count, default=default, metavar="NUMBER", help=f"how many ({default})")


def _month(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError("must be a month such as 2026-11")
    return text


def _amount(text: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise argparse.ArgumentTypeError("must be an amount such as 12.50")
    return text


def _list(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("must be letters, digits and . _ @ + - only")
    return text


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def _duration(text: str) -> object:
    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _key_id(text: str) -> str:
    return _id(text, "vk")


def _budget_id(text: str) -> str:
    return _id(text, "bud")


def _id(text: str, prefix: str) -> str:
    """The text is not repeated where it is none: it could be a secret."""
    if not re.fullmatch(rf"{prefix}_[A-Za-z0-9_-]{{1,60}}", text):
        raise argparse.ArgumentTypeError(f"must be an id that begins with {prefix}_")
    return text
