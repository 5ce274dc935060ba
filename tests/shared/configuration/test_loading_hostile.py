"""However the file is spoilt, it is loaded or refused, and no refusal shows a secret."""

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.configuration.loading import ConfigurationInvalid
from shared.configuration.model import Configuration
from tests.shared.configuration.files import VALID, changed, load

SECRET_FIELDS = [
    ("secret_ref: env:KEY", "secret_ref: {}"),
    ("secret_ref: env:KEY", "secret_ref: env:KEY\n    secret: {}"),
    ("secret_ref: env:KEY", "secret_ref: [{}]"),
    ("secret_ref: env:KEY", "secret_ref: {{value: {}}}"),
    ("secret_ref: env:KEY", "secret_ref: {{{{{}}}}}"),
    ("secret_ref: env:KEY", "secret_ref: '{}"),
    ("secret_ref: env:KEY", "secret_ref: env:KEY\n    expires_at: {}"),
    ("    region: eastus", "    provider: openai_compatible\n    secret_ref: {}"),
    ("    region: eastus", "    api_key: {}"),
    ("https://east.example", "https://user:{}@east.example"),
    ("https://east.example", "https://user:{}@east.example\N{DOUBLE-STRUCK CAPITAL C}℀"),
    ("https://east.example", "https://user:{}@[east.example"),
    ("https://east.example", "https://east.example?key={}"),
]
LEADS = ["", "*", "&", "!", "!!", "!<", "%", "@", "`", "sk-", "{", "[", '"', "- ", "? ", "|", "kv://"]
secrets = st.builds(
    lambda lead, core, tail: (f"{lead}{core}{tail}", core),
    st.sampled_from(LEADS),
    st.text(string.ascii_letters + string.digits, min_size=12, max_size=20).map(lambda text: f"Zq{text}"),
    st.sampled_from(["", ": x", " #", "\\", "}", "]", "'", '"', "\n  - ", "!", " *x", "\t"]),
)


@pytest.mark.parametrize(("old", "new"), SECRET_FIELDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(secret=secrets)
def test_no_error_shows_a_secret_that_was_written_in_plain(
    old: str, new: str, secret: tuple[str, str], tmp_path: Path
) -> None:
    written, core = secret
    try:
        load(changed(old, new.format(written)), tmp_path)
    except ConfigurationInvalid as error:
        text = f"{error} {error.problems} {error.__cause__}"
    else:
        text = ""

    assert core not in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_was_mangled_is_loaded_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    place = data.draw(st.integers(0, len(VALID)))
    end = data.draw(st.integers(place, min(len(VALID), place + 20)))
    noise = data.draw(
        st.text(string.printable, max_size=8) | st.sampled_from(["&a [*a]", "!!int x", "*a", "? [a]: b", "<<: *b"])
    )

    try:
        config: object = load(VALID[:place] + noise + VALID[end:], tmp_path)
    except ConfigurationInvalid as error:
        lines = (VALID + noise).count("\n") + 2
        assert error.problems  # noqa: PT017 - both outcomes are right, each with its own promise
        assert all(1 <= problem.line <= lines for problem in error.problems)  # noqa: PT017
    else:
        assert isinstance(config, Configuration)
