"""The software bill of materials of a package, as CycloneDX 1.6 JSON, from what the libraries say about themselves."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Library:
    """An installed library. `licence` is an SPDX expression where it gives one, else its own words, or nothing."""

    name: str
    version: str
    licence: str
    is_spdx: bool
    requires: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def libraries_in(site_packages: Path) -> list[Library]:
    """Read every *.dist-info, sorted by name."""
    found = []
    for metadata in site_packages.glob("*.dist-info/METADATA"):
        headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        licence, is_spdx = licence_of(headers)
        requires = {canonical(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in needed(headers)}
        found.append(Library(canonical(headers["Name"]), headers["Version"], licence, is_spdx, tuple(sorted(requires))))
    return sorted(found, key=lambda library: library.name)


def needed(headers: Message) -> Iterator[str]:
    """Requirements without those of extras, which nobody asked for."""
    return (line for line in headers.get_all("Requires-Dist", []) if "extra ==" not in line)


def licence_of(headers: Message) -> tuple[str, bool]:
    """The licence, and whether it is an SPDX expression."""
    if expression := headers.get("License-Expression"):
        return str(expression), True
    for classifier in headers.get_all("Classifier", []):
        if classifier.startswith("License :: OSI Approved :: "):
            return classifier.rpartition(" :: ")[2], False
    text = str(headers.get("License") or "").strip().splitlines()
    return (text[0][:100], False) if text and text[0] else ("", False)


def bill(
    name: str, version: str, libraries: list[Library], digest: str, vocabularies: Mapping[str, str]
) -> dict[str, Any]:
    """The document. `digest` is the package's content digest, from which the serial number follows; no time is in it.

    `vocabularies` are names and SHA-256 of data files that come with the package.
    """
    present = {library.name: library for library in libraries}
    root = f"pkg:generic/{name}@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{root}#{digest}')}",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": root, "name": name, "version": version}},
        "components": [
            *map(component, libraries),
            *(
                {"type": "data", "bom-ref": key, "name": key, "hashes": [{"alg": "SHA-256", "content": value}]}
                for key, value in sorted(vocabularies.items())
            ),
        ],
        "dependencies": [
            {"ref": root, "dependsOn": [library.purl for library in libraries]},
            *(
                {"ref": each.purl, "dependsOn": [present[key].purl for key in each.requires if key in present]}
                for each in libraries
            ),
        ],
    }


def component(library: Library) -> dict[str, Any]:
    known: dict[str, Any] = {
        "type": "library",
        "bom-ref": library.purl,
        "name": library.name,
        "version": library.version,
        "purl": library.purl,
    }
    if not library.licence:
        return known
    licence = {"expression": library.licence} if library.is_spdx else {"license": {"name": library.licence}}
    return {**known, "licenses": [licence]}
