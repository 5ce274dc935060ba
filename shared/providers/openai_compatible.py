"""Any upstream that speaks OpenAI's API under a base URL, called with a key behind a secret_ref."""

from shared.providers.base import Operation
from shared.providers.model import Deployment, UpstreamRequest
from shared.wire.openai.endpoints import Endpoint


class OpenAICompatible:
    needs_token = False

    def lacks(self, endpoint: Endpoint) -> str | None:
        """Cannot be known beforehand; the upstream's own 404 tells."""

    def body_names_model(self, endpoint: Endpoint, deployment: Deployment) -> bool:
        return True

    def request(self, operation: Operation, deployment: Deployment, model: str, credential: str) -> UpstreamRequest:
        return UpstreamRequest(
            method=operation.method,
            url=f"{deployment.endpoint}/{operation.path}{'?' if operation.query else ''}{operation.query}",
            headers=(*operation.headers, ("authorization", f"Bearer {credential}")),
            body=operation.body,
            timeouts=deployment.timeouts,
        )
