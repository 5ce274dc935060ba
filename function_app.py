"""The entry point that the Functions host loads."""

from functions import build_app

app = build_app()
