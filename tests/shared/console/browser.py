"""A browser that keeps a cookie, reads pages, and sends forms as they stand there."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from shared.console.service import Console
from shared.console.sign_ins import SignIns
from shared.directory.declared import DeclaredKey, FileDirectory
from shared.directory.model import Key
from shared.gateway.message import GatewayRequest
from shared.jobs.counted_ledger import CountedLedger
from shared.keys.model import digest_of
from tests.shared.management.bookkeeping import ZONE
from tests.shared.management.office import PEPPER, Office

HOST, OURS = "gateway.example.com", "the page's own"
VOID = {"meta", "link", "input", "br", "img"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Collects what a test asks of a page, and complains about tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += given.items()
        if tag not in VOID:
            self._open.append(tag)
        if tag == "form":
            self.forms.append(Form(given["action"], given.get("method", "get")))
        elif tag == "input" and given.get("type") != "checkbox" and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "textarea":
            self._area = given["name"]
            self.forms[-1].fields[self._area] = ""
        elif tag == "button" and "name" in given:
            self.forms[-1].buttons.append(given["value"])
        elif tag == "a":
            self.links.append(given["href"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> without a beginning"
        assert self._open.pop() == tag, f"</{tag}> ends another tag"
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1].fields[self._area] += data.removeprefix("\n")
        self.words.append(data)


@dataclass(frozen=True)
class View:
    status: int
    headers: Mapping[str, str]
    body: bytes
    page: Reader

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.page.words).split())

    def form(self, action: str) -> Form:
        return next(form for form in self.page.forms if form.action == action)


def declared(office: Office, **instead: str) -> FileDirectory:
    """Everybody that the office knows, as a configuration file would; `instead` are other secrets, by the caller's id."""
    return FileDirectory(
        keys=(
            DeclaredKey(
                Key(id=caller.id, owner="teams/platform", role=caller.role),
                digest_of(instead.get(caller.id, secret), PEPPER),
            )
            for secret, caller in office.people.known.items()
        )
    )


class Browser:
    def __init__(self, office: Office) -> None:
        self.office = office
        sign_ins = SignIns(office.documents, office.store, declared(office), office.people, office.clock, PEPPER)
        self.console = Console(
            office.api,
            sign_ins,
            office.store,
            office.clock,
            lambda _headers, peer: peer,
            time_zone=ZONE,
            counted_anew_for=CountedLedger(office.documents, office.clock, ZONE).counted_anew_for,
        )
        self.cookie: str | None = None
        self.site, self.address = f"https://{HOST}", "192.0.2.1"

    async def get(self, address: str) -> View:
        return await self.send("GET", address)

    async def submit(self, form: Form, button: str | None = None, **changed: str) -> View:
        fields = {**form.fields, **changed} | ({"action": button} if button else {})
        return await self.send("POST", form.action, fields)

    async def send(
        self,
        method: str,
        address: str,
        fields: Mapping[str, str] | None = None,
        *,
        origin: str | None = OURS,
        raw: bytes | None = None,
    ) -> View:
        """Send a request as a browser would; a redirect is not followed."""
        headers = [("host", self.site.partition("://")[2])]
        if self.cookie:
            headers.append(("cookie", self.cookie))
        content = raw if raw is not None else urlencode(fields or {}).encode() if method == "POST" else b""
        if method == "POST":
            headers.append(("content-type", "application/x-www-form-urlencoded"))
            headers += [("origin", self.site if origin is OURS else origin)] if origin else []

        async def body() -> AsyncGenerator[bytes]:
            if content:
                yield content

        path, _, query = address.partition("?")
        request = GatewayRequest(method, path, query, dict(headers), headers, body, self.address)
        answer = await self.console.handle(request)
        assert isinstance(answer.body, bytes)
        reader = Reader()
        sent = dict(answer.headers)
        if sent.get("content-type", "").startswith("text/html"):
            reader.feed(answer.body.decode())
            reader.close()
            assert reader._open == []
        if "set-cookie" in sent:
            self.cookie = sent["set-cookie"].partition(";")[0]
        return View(answer.status, sent, answer.body, reader)

    async def sign_in(self, key: str) -> View:
        page = await self.get("/console/sign-in")
        return await self.submit(page.form("/console/sign-in"), key=key)
