"""Ends several things at once, within a time that does not depend on them."""

import threading
from collections.abc import Callable, Iterable
from time import monotonic


def close_all(closers: Iterable[Callable[[], object]], patience_s: float) -> None:
    """Run each in a thread of its own and wait for `patience_s` seconds in all; what takes longer ends with the process."""
    threads = [threading.Thread(target=close, daemon=True, name="telemetry-close") for close in closers]
    deadline = monotonic() + patience_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
