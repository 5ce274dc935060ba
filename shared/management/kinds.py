"""The kinds of text that only questions about money take, each with its rule."""

from typing import Annotated

from pydantic import StringConstraints

Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]
Once = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{8,100}$")]
