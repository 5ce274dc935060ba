"""`tollgate`: the management API from a command line."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence

from cli.arguments import parser
from cli.client import Client
from cli.entra import token_source
from cli.errors import CommandFailed
from cli.session import Session
from cli.settings import DEFAULT_URL, Settings, now
from cli.terminal import Terminal

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, sleep: Callable[[float], None] = time.sleep) -> int:
    """Return the exit code. argparse itself ends the process where the command line is wrong."""
    args = parser().parse_args(arguments)
    terminal = Terminal(sys.stdin, sys.stdout, sys.stderr)
    try:
        code = _run(args, terminal, sleep)
        sys.stdout.flush()
    except CommandFailed as error:
        for mistake in error.mistakes:
            terminal.note(f"error: {mistake}")
        return error.exit_code
    except UnicodeEncodeError:
        terminal.note("error: there is text that cannot be written in this encoding; PYTHONUTF8=1 may help")
        return 1
    except BrokenPipeError:
        # Whoever read the output has left; the interpreter would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _run(args: Namespace, terminal: Terminal, sleep: Callable[[float], None]) -> int:
    settings = Settings(DEFAULT_URL, None) if args.is_offline else _settings(args)
    with Client(settings.url, _token(settings), sleep, uses_proxy=not settings.is_local) as client:
        code: int = args.run(Session(client, terminal, now), args)
    return code


def _settings(args: Namespace) -> Settings:
    return Settings.gather(
        url=args.url, key_file=args.key_file, entra_scope=args.entra_scope, allows_http=bool(args.insecure)
    )


def _token(settings: Settings) -> Callable[[], str]:
    if settings.entra_scope:
        return token_source(settings.entra_scope)
    return lambda: settings.key or ""


if __name__ == "__main__":
    sys.exit(main())
