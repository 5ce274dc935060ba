"""A form's fields are found where they stand; files pass as they came; two readers cannot see two forms."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.wire import multipart
from shared.wire.multipart import MAX_FIELD, MAX_PARTS, Form, MultipartInvalid, parse_form, set_field

BOUNDARY = "----bound'ary0123"
CONTENT_TYPE = f'multipart/form-data; boundary="{BOUNDARY}"'
DELIMITER = b"--" + BOUNDARY.encode()

names = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n'), min_size=1, max_size=10)
texts = st.text(st.characters(codec="utf-8"), max_size=30).filter(lambda text: DELIMITER not in text.encode())
LOOKALIKES = [
    DELIMITER[:-1],
    b"\r\n" + DELIMITER[:-1],
    b"\r\n--",
    DELIMITER,
    b"x" + DELIMITER + b"--\r\n",
    b"\n" + DELIMITER,
    b"\r\n\r\n",
]
contents = st.lists(st.binary(max_size=20) | st.sampled_from(LOOKALIKES), max_size=5).map(b"".join)


def field(name: str, value: bytes | str) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value


def file(name: str, file_name: str, content: bytes) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'.encode()
    return disposition + b"Content-Type: application/octet-stream\r\n\r\n" + content


def body(*parts: bytes) -> bytes:
    return b"".join(DELIMITER + b"\r\n" + part + b"\r\n" for part in parts) + DELIMITER + b"--\r\n"


def values(form: Form) -> dict[str, str]:
    return {name: found.value for name, found in form.fields.items()}


@given(st.dictionaries(names, texts, max_size=5), st.dictionaries(names, contents, max_size=3), names)
def test_fields_and_files_come_back_as_they_were_sent(
    fields: dict[str, str], files: dict[str, bytes], file_name: str
) -> None:
    assume(not fields.keys() & files.keys())
    assume(all(b"\r\n" + DELIMITER not in content and not content.startswith(DELIMITER) for content in files.values()))
    raw = body(
        *(field(name, value) for name, value in fields.items()),
        *(file(name, file_name, content) for name, content in files.items()),
    )

    form = parse_form(raw, CONTENT_TYPE)

    assert values(form) == fields
    assert form.file_bytes == sum(len(content) for content in files.values())
    for found in form.fields.values():
        assert raw[found.start : found.end].decode() == found.value


@given(st.dictionaries(names, texts, min_size=1, max_size=4), contents, st.data())
def test_setting_a_field_changes_only_its_text(fields: dict[str, str], content: bytes, data: st.DataObject) -> None:
    assume(b"\r\n" + DELIMITER not in content and not content.startswith(DELIMITER))
    assume("file" not in fields)
    raw = body(file("file", "été 🎵.mp3", content), *(field(name, value) for name, value in fields.items()))
    name, value = data.draw(st.sampled_from(sorted(fields))), data.draw(texts)
    form = parse_form(raw, CONTENT_TYPE)

    edited = set_field(raw, form, name, value)

    span = form.fields[name]
    assert edited == raw[: span.start] + value.encode() + raw[span.end :]
    again = parse_form(edited, CONTENT_TYPE)
    assert values(again) == {**fields, name: value}
    assert again.file_bytes == form.file_bytes


def test_a_recording_with_a_unicode_name_is_counted_and_not_read() -> None:
    raw = body(field("model", "whisper-1"), file("file", "录音 é\\.mp3", b"\x00\xff" * 500))

    form = parse_form(raw, CONTENT_TYPE)

    assert values(form) == {"model": "whisper-1"}
    assert form.value("model") == "whisper-1"
    assert form.value("file") is None
    assert form.file_bytes == 1000


def test_the_extended_form_of_a_file_name_makes_a_file_too() -> None:
    part = b"content-disposition: form-data; name=\"file\"; filename*=UTF-8''%e2%82%ac.mp3\r\n\r\nsound"

    assert parse_form(body(part), CONTENT_TYPE).file_bytes == 5


def test_a_field_that_is_called_filename_is_a_field() -> None:
    assert values(parse_form(body(field("filename", "x")), CONTENT_TYPE)) == {"filename": "x"}


@pytest.mark.parametrize(
    "content_type",
    [
        f'multipart/form-data; boundary="{BOUNDARY}"',
        f"Multipart/Form-Data; charset=utf-8; Boundary={BOUNDARY}",
        f"multipart/form-data; boundary={BOUNDARY}; charset=utf-8",
    ],
)
def test_the_boundary_is_found_however_it_is_written(content_type: str) -> None:
    assert values(parse_form(body(field("a", "1")), content_type)) == {"a": "1"}


def test_a_preamble_padding_and_an_epilogue_are_allowed() -> None:
    raw = b"preamble\r\n" + body(field("a", "1")).replace(DELIMITER + b"\r\n", DELIMITER + b" \t\r\n") + b"epilogue"

    assert values(parse_form(raw, CONTENT_TYPE)) == {"a": "1"}


def test_an_empty_form_and_empty_values_are_forms() -> None:
    assert values(parse_form(body(), CONTENT_TYPE)) == {}
    assert values(parse_form(body(field("a", ""), field("b", "")), CONTENT_TYPE)) == {"a": "", "b": ""}


def test_repeated_list_fields_and_files_are_allowed() -> None:
    raw = body(field("include[]", "a"), field("include[]", "b"), file("image", "1", b"x"), file("image", "2", b"y"))

    assert parse_form(raw, CONTENT_TYPE).file_bytes == 2


@pytest.mark.parametrize(
    "parts",
    [
        (field("model", "a"), field("model", "b")),
        (field("model", "a"), field("model", "a")),
        (field("model", "a"), file("model", "x", b"b")),
        (file("model", "x", b"b"), field("model", "a")),
        (field("model", "a"), field("model", "b" * (MAX_FIELD + 1))),
    ],
)
def test_a_field_that_is_sent_twice_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(MultipartInvalid, match="twice"):
        parse_form(body(*parts), CONTENT_TYPE)


@pytest.mark.parametrize(
    "part",
    [
        b'X-Note: ; name="note"\r\nContent-Disposition: form-data\r\n\r\nvalue',
        b'Content-Disposition: form-data; name="note"; name="model"\r\n\r\nvalue',
        b'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="model"\r\n\r\nvalue',
        b"Content-Disposition: form-data\r\n\r\nvalue",
        b"\r\n\r\nvalue",
        b"Content-Disposition: form-data; name=bare\r\n\r\nvalue",
    ],
)
def test_a_part_whose_name_is_unclear_is_refused(part: bytes) -> None:
    with pytest.raises(MultipartInvalid, match="name"):
        parse_form(body(part), CONTENT_TYPE)


def test_another_header_cannot_make_a_file_of_a_field() -> None:
    part = b'X-Filename: a\r\nContent-Disposition: form-data; name="model"\r\n\r\nb'

    assert values(parse_form(body(part), CONTENT_TYPE)) == {"model": "b"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "begin with the boundary"),
        (b"nothing of the kind", "begin with the boundary"),
        (DELIMITER, "headers"),
        (DELIMITER + b"\r\n" + field("a", "1"), "closing boundary"),
        (body(field("a", "1"))[:-4], "alone|headers"),
        (DELIMITER + b"x\r\n" + field("a", "1") + b"\r\n" + DELIMITER + b"--", "alone"),
        (DELIMITER + b"\r\n" + field("a", "1") + b"\r\n" + DELIMITER + b"--x", "alone"),
        (
            DELIMITER + b"\r\n" + field("a", "") + DELIMITER + b"\r\n" + field("b", "") + b"\r\n" + DELIMITER + b"--",
            "headers",
        ),
        (body(field("a", b"\xff\xfe")), "UTF-8"),
    ],
)
def test_a_malformed_body_is_refused_with_its_fault(raw: bytes, reason: str) -> None:
    with pytest.raises(MultipartInvalid, match=reason):
        parse_form(raw, CONTENT_TYPE)


@pytest.mark.parametrize(
    "content_type", ["", "multipart/form-data", "multipart/form-data; boundary=", 'x; boundary=""']
)
def test_without_a_boundary_there_is_no_form(content_type: str) -> None:
    with pytest.raises(MultipartInvalid, match="boundary"):
        parse_form(body(field("a", "1")), content_type)


def test_as_many_parts_as_are_allowed_are_read_and_one_more_is_refused() -> None:
    parts = [field(f"f{index}", "1") for index in range(MAX_PARTS + 1)]

    assert len(parse_form(body(*parts[:-1]), CONTENT_TYPE).fields) == MAX_PARTS
    with pytest.raises(MultipartInvalid, match="more than"):
        parse_form(body(*parts), CONTENT_TYPE)


def test_the_error_shows_little_of_a_name_and_nothing_of_a_value() -> None:
    raw = body(field("n" * 500, "secret"), field("n" * 500, "secret"))

    with pytest.raises(MultipartInvalid) as refused:
        parse_form(raw, CONTENT_TYPE)

    assert "secret" not in str(refused.value)
    assert len(str(refused.value)) < 100


@given(st.data())
def test_a_truncated_body_is_refused(data: st.DataObject) -> None:
    raw = body(field("model", "whisper-1"), file("file", "a.mp3", b"\x00" * 20))
    end = data.draw(st.integers(0, len(raw) - len(b"--\r\n")))

    with pytest.raises(MultipartInvalid):
        parse_form(raw[:end] + b"\r", CONTENT_TYPE)


pieces = st.sampled_from(
    [DELIMITER, b"\r\n", b"--", b'Content-Disposition: form-data; name="a"', b"; filename=", b"\r\n\r\n", b'"']
)


@given(st.lists(st.binary(max_size=10) | pieces, max_size=30).map(b"".join), st.text(max_size=10))
def test_random_bytes_raise_nothing_but_the_refusal(raw: bytes, noise: str) -> None:
    for content_type in (CONTENT_TYPE, f"multipart/form-data; boundary={noise}", noise):
        try:
            form = parse_form(raw, content_type)
        except MultipartInvalid:
            continue
        assert all(raw[found.start : found.end].decode() == found.value for found in form.fields.values())


def test_the_limits_are_those_that_the_documentation_names() -> None:
    assert (multipart.MAX_PARTS, multipart.MAX_FIELD) == (1000, 65_536)
