"""What looks like a secret does not reach a log, wherever in a record it stands."""

import io
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keys.model import mint
from shared.redaction import MASK, RedactingFilter, Secret, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2NvZ25pdGl2ZSJ9.c2lnbmF0dXJlLXdpdGgtXw"
SECRETS = [
    ("sk-abcdefgh12345678", "abcdefgh12345678"),
    (f"key {mint()}.", None),
    ("Authorization: Bearer abc.def-123/456+789==", "abc.def-123/456+789"),
    ("authorization=bearer   aaaabbbbcccc", "aaaabbbbcccc"),
    (f"token {JWT}", JWT.split(".")[1]),
    ("AccountEndpoint=https://x/;AccountKey=c2VjcmV0c2VjcmV0;", "c2VjcmV0c2VjcmV0"),
    ("Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=c2VjcmV0c2VjcmV0=", "c2VjcmV0c2VjcmV0"),
    ("https://x.blob/y?sv=1&sig=c2VjcmV0%2Bc2VjcmV0&se=2", "c2VjcmV0%2Bc2VjcmV0"),
    ("api-key: 0123456789abcdef", "0123456789abcdef"),
    ("{'api-key': '0123456789abcdef'}", "0123456789abcdef"),
    ('{"api_key":"0123456789abcdef"}', "0123456789abcdef"),
    ("[('x-gateway-key', 'a'), ('x-gateway-key': '0123456789abcdef')]", "0123456789abcdef"),
    ("Server=x;Password=hunter2hunter2;", "hunter2hunter2"),
    ("client_secret=0123456789abcdef", "0123456789abcdef"),
]


@pytest.mark.parametrize(("text", "hidden"), SECRETS)
def test_each_kind_of_secret_is_masked(text: str, hidden: str | None) -> None:
    cleaned = redact(text)

    assert MASK in cleaned
    assert hidden is None or hidden not in cleaned


@given(st.builds(mint), st.text(max_size=20), st.text(max_size=20))
def test_a_minted_key_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    before = before.rstrip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

    assert secret[3:] not in redact(f"{before}{secret} {after}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The team research used 12 tokens of gpt-4o.",
        "risk-assessment and task-management",
        "sk-short",
        "SharedAccessKeyName=RootManageSharedAccessKey",
        "the bearer of bad news",
        "signature=none",
        "GET /v1/files/file-abcdefgh12345678 200",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2")

    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret:}"
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == "hunter2"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("redaction-test")
    logger.addHandler(handler)
    logger.propagate = False
    yield written
    logger.removeHandler(handler)


LOG = logging.getLogger("redaction-test")


@pytest.mark.parametrize(("text", "hidden"), SECRETS)
def test_nothing_secret_passes_the_filter(lines: io.StringIO, text: str, hidden: str | None) -> None:
    LOG.error(text)
    LOG.error("sent %s to %d", text, 7)
    LOG.error("sent %(what)s", {"what": text})
    LOG.error("sent %r", [{"header": text}])

    assert lines.getvalue().count(MASK) >= 4
    assert hidden is None or hidden not in lines.getvalue()


def test_a_secret_split_between_text_and_argument_is_seen_whole(lines: io.StringIO) -> None:
    LOG.error("Authorization: Bearer %s", "0123456789abcdef")

    assert lines.getvalue() == f"Authorization: {MASK}\n"


def test_tracebacks_are_cleaned_with_their_causes(lines: io.StringIO) -> None:
    try:
        try:
            raise KeyError("AccountKey=c2VjcmV0c2VjcmV0")
        except KeyError as error:
            raise ValueError(f"sent {JWT}") from error
    except ValueError:
        LOG.exception("failed with %s", "sk-abcdefgh12345678")

    text = lines.getvalue()
    assert "Traceback" in text
    assert "ValueError" in text
    assert not any(hidden in text for hidden in ("c2VjcmV0c2VjcmV0", JWT, "abcdefgh12345678"))


def test_a_stack_is_cleaned_too(lines: io.StringIO) -> None:
    LOG.error("here", stack_info=True)
    LOG.error("sk-abcdefgh12345678", stack_info=True)

    assert "Stack" in lines.getvalue()
    assert "abcdefgh12345678" not in lines.getvalue()


def test_ordinary_records_pass_as_they_are(lines: io.StringIO) -> None:
    LOG.warning("team %s used %d tokens", "research", 12)
    LOG.warning("100% sure")

    assert lines.getvalue() == "team research used 12 tokens\n100% sure\n"


def test_arguments_that_do_not_fit_neither_fail_nor_slip_through(lines: io.StringIO) -> None:
    LOG.error("sent %d", "sk-abcdefgh12345678")
    LOG.error("sent", "sk-abcdefgh12345678")
    LOG.error("sent %(key)s", {"other": "sk-abcdefgh12345678"})

    assert lines.getvalue().count(MASK) == 3
    assert "abcdefgh12345678" not in lines.getvalue()
