"""How hypothesis runs here: no deadlines on shared machines, and the same examples in every CI run."""

import os

from hypothesis import settings

settings.register_profile("ci", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("ci")
