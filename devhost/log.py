"""Readable log lines on stderr: time, level, logger, message; what looks like a secret is masked."""

import logging

from shared.redaction import RedactingFilter

_QUIET = {
    "azure": logging.WARNING,  # also the runtime's own logger, whose info lines would cost on every request
    "httpx": logging.WARNING,
    "uvicorn": logging.ERROR,  # its warnings are about upgrade requests, which functions answer themselves
}


def configure() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)-7s %(name)-20s %(message)s", "%H:%M:%S")
    )
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
