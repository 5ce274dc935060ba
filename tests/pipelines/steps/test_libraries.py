import importlib.util
import struct
from pathlib import Path

from pipelines.steps.archive import content_digest
from pipelines.steps.libraries import compile_all, forget_the_installation

SOURCES = {"a.py": "NAMES = {'x', 'y', 'z'}\ndef f(): raise ValueError\n", "p/__init__.py": "", "p/b.py": "import a\n"}


def lay_out(folder: Path) -> Path:
    for name, text in SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_compiled_code_is_the_same_wherever_it_is_compiled(tmp_path: Path) -> None:
    one, other = lay_out(tmp_path / "one"), lay_out(tmp_path / "somewhere" / "else")

    compile_all(one)
    compile_all(other)

    assert content_digest(one) == content_digest(other)
    assert str(tmp_path).encode() not in (one / "__pycache__" / "a.cpython-313.pyc").read_bytes()


def test_compiled_code_is_used_without_a_look_at_its_source(tmp_path: Path) -> None:
    compile_all(lay_out(tmp_path))

    compiled = (tmp_path / "p" / "__pycache__" / "b.cpython-313.pyc").read_bytes()
    magic, flags = compiled[:4], struct.unpack("<I", compiled[4:8])[0]
    assert magic == importlib.util.MAGIC_NUMBER
    assert flags == 0b01, "unchecked hash"


def test_what_an_installer_notes_is_dropped_and_what_a_library_says_stays(tmp_path: Path) -> None:
    for name in ("bin/tool", "x-1.dist-info/RECORD", "x-1.dist-info/INSTALLER", "x-1.dist-info/METADATA", "x/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")

    forget_the_installation(tmp_path)

    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"METADATA", "a.py"}
