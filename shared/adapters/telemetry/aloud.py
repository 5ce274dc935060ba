"""Lets telemetry say on the process's error stream what goes wrong with it.

The Functions host passes on what is logged within an invocation and nothing else, and telemetry works in threads of its own. What a
worker writes to its error stream the host logs under `Host.Function.Console`, as a warning or an error by the words in it: see
`ParseErrorMessageAndLog` in https://github.com/Azure/azure-functions-host.
"""

import logging
import sys
from collections.abc import Mapping

from shared.redaction import RedactingFilter
from shared.settings import runs_in_azure

LOGGERS = ("tollgate.telemetry", "shared.adapters.telemetry")
_NAME = "telemetry-aloud"


def speak_up(environment: Mapping[str, str]) -> None:
    """Add a handler to the loggers of telemetry, once. Outside Azure there is no host in between, and nothing is done."""
    if not runs_in_azure(environment):
        return
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if all(handler.name != _NAME for handler in logger.handlers):
            logger.addHandler(_handler())


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.name = _NAME
    handler.setLevel(logging.WARNING)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    return handler
