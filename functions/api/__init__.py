"""The management API: one function over the one table of operations."""

from functions.api import management

BLUEPRINTS = (management.blueprint,)
