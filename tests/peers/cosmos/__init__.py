"""A Cosmos DB to test against: npm's @vercel/cosmosdb-server with repairs, over TLS, with a clock and faults to order."""

import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import trustme

TOKEN = "a-token-of-the-test"

_HERE = Path(__file__).parent
_INSTALLED = _HERE.parents[2] / ".tools" / "cosmos-peer"
_SCRIPTS = ("peer.js", "repairs.js")


class NpmMissing(Exception):
    """The peer needs node and npm, and a registry for its first installation."""


class CosmosPeer:
    """Commands are carried out when the call returns: the peer is a process of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self._port}/"

    def advance(self, seconds: float) -> None:
        self._do("advance", seconds=seconds)

    def fault(self, **fault: Any) -> None:
        """Order a fault, such as `label="BATCH", times=3, status=429, retryAfterMs=20`; peer.js knows them all."""
        self._do("fault", **fault)

    def mend(self) -> None:
        """Forget faults and requests."""
        self._do("mend")

    def requests(self) -> list[str]:
        """Labels of what was asked for since the last `mend`."""
        answer: list[str] = self._do("requests")
        return answer

    def _do(self, command: str, **arguments: Any) -> Any:
        context = ssl._create_unverified_context()
        with closing(http.client.HTTPSConnection("127.0.0.1", self._port, timeout=10, context=context)) as connection:
            connection.request("POST", "/_control", json.dumps({"do": command, **arguments}))
            return json.loads(connection.getresponse().read())


@contextmanager
def cosmos_peer(folder: Path) -> Iterator[CosmosPeer]:
    """Keeps the certificate in the folder. Raises NpmMissing."""
    _install()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    command = ["node", str(_INSTALLED / "peer.js"), str(certificate), str(key), TOKEN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield CosmosPeer(int(process.stdout.readline()))


def _install() -> None:
    """Put the peer and the pinned server beside each other, outside the source tree."""
    if not shutil.which("npm") or not shutil.which("node"):
        raise NpmMissing("node and npm are not installed")
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    for script in _SCRIPTS:
        shutil.copy(_HERE / script, _INSTALLED)
    wanted = (_HERE / "package.json").read_text()
    manifest = _INSTALLED / "package.json"
    if manifest.exists() and manifest.read_text() == wanted and (_INSTALLED / "node_modules" / "@vercel").exists():
        return
    manifest.write_text(wanted)
    try:
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=_INSTALLED, check=True, capture_output=True
        )
    except subprocess.CalledProcessError as error:
        raise NpmMissing("npm could not install the server") from error
