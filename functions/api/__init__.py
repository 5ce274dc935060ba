"""The management API, which is one function over one table, what finance tools of OpenAI read, and the hooks that others call."""

from functions.api import hooks, management, metrics, organization

BLUEPRINTS = (management.blueprint, organization.blueprint, hooks.blueprint, metrics.blueprint)
