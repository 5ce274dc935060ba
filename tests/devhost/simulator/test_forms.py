import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.simulator.forms import MalformedForm, parse_form

TYPE = "multipart/form-data; boundary=frontier"


@given(st.binary().filter(lambda content: b"--frontier" not in content))
def test_a_file_is_read_byte_for_byte(content: bytes) -> None:
    body = (
        b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + content
        + b"\r\n--frontier--"
    )
    upload = parse_form(TYPE, body).file("file")
    assert upload is not None
    assert upload.content == content


def test_an_extended_file_name_wins() -> None:
    head = (
        b'--frontier\r\nContent-Disposition: form-data; name="file[]"; filename="x"; filename*=UTF-8\'\'%C3%A9\r\n\r\n'
    )
    assert [(name, upload.filename) for name, upload in parse_form(TYPE, head + b"\r\n--frontier--").files] == [
        ("file", "é")
    ]


@pytest.mark.parametrize("body", [b"", b"--frontier", b"--frontier\r\n\r\nx\r\n--frontier--", b"--other--"])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedForm):
        parse_form(TYPE, body)


def test_a_type_without_a_boundary_is_refused() -> None:
    with pytest.raises(MalformedForm):
        parse_form("multipart/form-data", b"")
