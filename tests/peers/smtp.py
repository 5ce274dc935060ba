"""A mail server on loopback: takes mail, with or without TLS and a login, and refuses what it is told to refuse."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class MailPeer:
    """`refusals` maps a command such as `RCPT` to the line that is answered instead; `hangs_up_at` one at which it just goes."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    offers_starttls: bool = False
    login: tuple[str, str] | None = None
    refusals: dict[str, str] = field(default_factory=dict)
    hangs_up_at: str | None = None
    mails: list[bytes] = field(default_factory=list)
    envelopes: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    tls_before: list[bool] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._say(writer, "220 peer")
            while line := (await reader.readline()).decode().rstrip("\r\n"):
                command = line.split(" ")[0].upper()
                self.commands.append(command)
                if command == self.hangs_up_at or not await self._obey(command, line, reader, writer):
                    break
        except (ConnectionError, ssl.SSLError):
            self.commands.append("GONE")
        finally:
            writer.close()

    async def _obey(self, command: str, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if command in self.refusals:
            await self._say(writer, self.refusals[command])
        elif command == "EHLO":
            offers = ["peer", *(["STARTTLS"] if self.offers_starttls else []), *(["AUTH PLAIN"] if self.login else [])]
            await self._say(writer, *(f"250{'-' if offer is not offers[-1] else ' '}{offer}" for offer in offers))
        elif command == "STARTTLS":
            await self._say(writer, "220 go on")
            await writer.start_tls(self.tls or ssl.create_default_context())
        elif command == "AUTH":
            expected = base64.b64encode("\0{}\0{}".format(*(self.login or ("", ""))).encode()).decode()
            await self._say(writer, "235 welcome" if line.split(" ")[-1] == expected else "535 wrong password")
        elif command == "DATA":
            await self._take(reader, writer)
        elif command == "QUIT":
            await self._say(writer, "221 bye")
            return False
        else:
            self.envelopes.append(line)
            await self._say(writer, "250 fine")
        return True

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tls_before.append(writer.get_extra_info("ssl_object") is not None)
        await self._say(writer, "354 go on")
        mail = await reader.readuntil(b"\r\n.\r\n")
        if refusal := self.refusals.get("."):
            await self._say(writer, refusal)
            return
        self.mails.append(mail.removesuffix(b".\r\n"))
        await self._say(writer, "250 taken")

    async def _say(self, writer: asyncio.StreamWriter, *lines: str) -> None:
        writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await writer.drain()


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, login: tuple[str, str] | None = None
) -> AsyncIterator[MailPeer]:
    """Serve with TLS from the beginning (`implicit`), with STARTTLS where there is a context, or without."""
    peer = MailPeer(tls=tls, offers_starttls=tls is not None and not implicit, login=login)
    server = await asyncio.start_server(peer.talk, "127.0.0.1", ssl=tls if implicit else None)
    async with server:
        peer.port = server.sockets[0].getsockname()[1]
        yield peer
