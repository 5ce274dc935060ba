"""What a test may ask about the calls that arrived."""

from dataclasses import dataclass, field

from multidict import CIMultiDict, CIMultiDictProxy

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it arrived; header names are in lower case and may repeat."""

    method: str
    path: str
    query: str
    headers: CIMultiDictProxy[str]
    body: bytes
    deployment: str | None


@dataclass(slots=True)
class Observations:
    """Counters, and the latest requests when `records` is on."""

    records: bool = False
    requests: list[RecordedRequest] = field(default_factory=list)
    leaked_credentials: int = 0
    abandoned: int = 0

    def record(
        self, method: str, raw_path: str, headers: CIMultiDictProxy[str], body: bytes, deployment: str | None
    ) -> None:
        if not self.records:
            return
        path, _, query = raw_path.partition("?")
        lower = CIMultiDictProxy(CIMultiDict((name.lower(), value) for name, value in headers.items()))
        self.requests.append(RecordedRequest(method, path, query, lower, body, deployment))
        del self.requests[:-_KEPT]
