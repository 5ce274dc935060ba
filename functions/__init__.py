"""The triggers: each binds one resource of the Functions host to the shared code and delegates."""

import azure.functions as func

from functions import health
from functions.api import BLUEPRINTS as API
from functions.openai import BLUEPRINTS as OPENAI
from functions.portal import BLUEPRINTS as PORTAL
from functions.queues import BLUEPRINTS as QUEUES
from functions.timers import BLUEPRINTS as TIMERS
from shared.bootstrap import check_settings
from shared.settings import Settings


def build_app() -> func.FunctionApp:
    """Return a fresh app with every function.

    Raises SettingsInvalid and ConfigurationInvalid: an app that cannot work must not start.
    """
    settings = Settings.from_environment()
    check_settings(settings)
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for blueprint in (health.blueprint, *QUEUES, *TIMERS, *API, *PORTAL, *OPENAI):
        app.register_functions(blueprint)
    return app
