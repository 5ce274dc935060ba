"""Keeps secrets out of text: a wrapper for values, and a last net under every log record.

The first line of defence is that nothing secret is ever passed to a logger; the filter catches what a library might write.
"""

import logging
import re

_SECRETS = re.compile(
    r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_\-]{8,}"
    r"|(?i:bearer\s+)[A-Za-z0-9._~+/\-]{8,}=*"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*"
    r"|(?i:(?:(?:api|gateway)[-_]?key|sharedaccesskey|accountkey|password|client[-_]?secret|sig)[\"']?\s*[=:]\s*[\"']?)"
    r"[^\s\"'&;,]{8,}"
)
MASK = "[redacted]"


def redact(text: str) -> str:
    """Replace what looks like a key, a bearer token, a JWT or a connection-string secret."""
    return _SECRETS.sub(MASK, text)


class Secret:
    """A string that does not show itself in reprs, tracebacks or logs."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__


class RedactingFilter(logging.Filter):
    """Attach to a handler: rewrites the finished message and the traceback of each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Arguments that do not fit are the writer's mistake; they must neither end the request nor slip through.
            message = f"{record.msg} {record.args}"
            record.msg, record.args = message, None
        cleaned = redact(message)
        if cleaned != message:
            record.msg, record.args = cleaned, None
        if record.exc_info:
            record.exc_text = redact(record.exc_text or logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
