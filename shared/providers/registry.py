"""The providers that a configuration may name: a new one is a module and a line here."""

from collections.abc import Mapping

from shared.providers.azure_openai import AzureOpenAI
from shared.providers.base import Provider
from shared.providers.openai_compatible import OpenAICompatible

PROVIDERS: Mapping[str, Provider] = {
    "azure_openai": AzureOpenAI(),
    "openai_compatible": OpenAICompatible(),
}
