"""Writes azure-types.json: the published types that the templates use, and no others.

    python -m tests.infra.extract_types <file of all types>

The file of all types has the form of the extract; it was made from the generated definitions of Azure/bicep-types-az (MIT).
"""

import json
import sys
from pathlib import Path

from tests.infra.azure_types import EXTRACT, AzureTypes
from tests.infra.workspace import Workspace

SNAPSHOT = "2026-08-20"
"""The day of the definitions that the file of all types was made from, where it does not say so itself."""

FOLDERS = (Path(__file__).parents[2] / "infra-bicep", Path(__file__).with_name("templates"))


def extract(everything: Path, folders: tuple[Path, ...] = FOLDERS, target: Path = EXTRACT) -> list[str]:
    """Write the extract and return the references that are not among `everything`."""
    whole = json.loads(everything.read_text(encoding="utf-8"))
    whole = {"source": whole["source"], "snapshot": whole.get("snapshot", SNAPSHOT)} | whole
    workspace = Workspace(AzureTypes(whole["types"]))
    used = {
        reference
        for folder in folders
        for path in sorted(folder.rglob("*.bicep"))
        for reference in workspace.references(workspace.template(path))
    }
    names = {reference: workspace.azure.name(reference) for reference in used}
    whole["types"] = {
        name: whole["types"][name] for name in sorted(filter(None, names.values())) if name in whole["types"]
    }
    target.write_text(_one_type_a_line(whole), encoding="utf-8")
    return sorted(reference for reference, name in names.items() if name is None)


def _one_type_a_line(whole: dict[str, object]) -> str:
    types = whole.pop("types")
    assert isinstance(types, dict)
    head = json.dumps(whole, indent=1)[:-2]
    lines = (f"  {json.dumps(name)}: {json.dumps(types[name], separators=(',', ':'))}" for name in types)
    return head + ',\n "types": {\n' + ",\n".join(lines) + "\n }\n}\n"


if __name__ == "__main__":
    for missing in extract(Path(sys.argv[1])):
        print(f"not published there: {missing}")
