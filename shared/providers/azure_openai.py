"""Azure OpenAI in both of its address forms, called with an Entra ID token.

https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle and /openai/reference
"""

from urllib.parse import quote

from shared.providers.base import Operation
from shared.providers.model import Deployment, UpstreamRequest, UrlForm
from shared.wire.openai.endpoints import Endpoint

LACKING = ("moderations", "uploads", "images.variations")
DEFAULT_API_VERSION = "2025-04-01-preview"


class AzureOpenAI:
    needs_token = True

    def lacks(self, endpoint: Endpoint) -> str | None:
        return "Azure OpenAI" if endpoint.name.startswith(LACKING) else None

    def body_names_model(self, endpoint: Endpoint, deployment: Deployment) -> bool:
        return deployment.url_form is UrlForm.V1 or not endpoint.by_deployment

    def request(self, operation: Operation, deployment: Deployment, model: str, credential: str) -> UpstreamRequest:
        version = deployment.api_version
        if deployment.url_form is UrlForm.V1:
            path = f"/openai/v1/{operation.path}"
        else:
            version = version or DEFAULT_API_VERSION
            if operation.endpoint.by_deployment:
                path = f"/openai/deployments/{quote(deployment.name_for(model), safe='')}/{operation.path}"
            else:
                path = f"/openai/{operation.path}"
        query = "&".join(part for part in (operation.query, f"api-version={version}" if version else "") if part)
        return UpstreamRequest(
            method=operation.method,
            url=f"{deployment.endpoint}{path}{'?' if query else ''}{query}",
            headers=(*operation.headers, ("authorization", f"Bearer {credential}")),
            body=operation.body,
            timeouts=deployment.timeouts,
        )
