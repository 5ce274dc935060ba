"""The web pages."""

from functions.portal import console

BLUEPRINTS = (console.blueprint,)
