"""The deployments that the simulated resource has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Operation(StrEnum):
    """What a model can be asked to do, in Azure's words."""

    CHAT = "chatCompletion"
    COMPLETION = "completion"
    RESPONSE = "response"
    EMBEDDING = "embeddings"
    IMAGE = "imageGenerations"
    SPEECH = "speech"
    TRANSCRIPTION = "audioTranscription"
    REALTIME = "realtime"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment and the model behind it; `faults` are those that its name carries after a double dash."""

    name: str
    model: str
    operations: frozenset[Operation]
    context_tokens: int = 128_000
    reasons: bool = False
    bills_cache_writes: bool = False
    dimensions: int = 0
    tokens_per_minute: int = 1_000_000
    faults: tuple[str, ...] = ()

    @property
    def encoding(self) -> str:
        return "cl100k_base" if self.dimensions or "gpt-3" in self.model else "o200k_base"


_TALKS = frozenset({Operation.CHAT, Operation.RESPONSE})


def _only(operation: Operation) -> frozenset[Operation]:
    return frozenset({operation})


_DEPLOYMENTS = (
    Deployment("gpt-4o", "gpt-4o-2024-11-20", _TALKS),
    Deployment("gpt-4o-mini", "gpt-4o-mini-2024-07-18", _TALKS),
    Deployment("gpt-4.1", "gpt-4.1-2025-04-14", _TALKS, 1_047_576),
    Deployment("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", _TALKS, 1_047_576),
    Deployment("gpt-5", "gpt-5-2025-08-07", _TALKS, 400_000, reasons=True),
    Deployment("gpt-5-mini", "gpt-5-mini-2025-08-07", _TALKS, 400_000, reasons=True),
    Deployment("gpt-5.3-codex", "gpt-5.3-codex", _only(Operation.RESPONSE), 400_000, reasons=True),
    Deployment("gpt-5.6-sol", "gpt-5.6-sol", _TALKS, 400_000, reasons=True, bills_cache_writes=True),
    Deployment("o3", "o3-2025-04-16", _TALKS, 200_000, reasons=True),
    Deployment("o4-mini", "o4-mini-2025-04-16", _TALKS, 200_000, reasons=True),
    Deployment("gpt-35-turbo-instruct", "gpt-3.5-turbo-instruct", _only(Operation.COMPLETION), 4_096),
    Deployment("gpt-3.5-turbo-instruct", "gpt-3.5-turbo-instruct", _only(Operation.COMPLETION), 4_096),
    Deployment("text-embedding-3-small", "text-embedding-3-small", _only(Operation.EMBEDDING), 8_192, dimensions=1_536),
    Deployment("text-embedding-3-large", "text-embedding-3-large", _only(Operation.EMBEDDING), 8_192, dimensions=3_072),
    Deployment("gpt-image-1", "gpt-image-1", _only(Operation.IMAGE)),
    Deployment("dall-e-3", "dall-e-3", _only(Operation.IMAGE)),
    Deployment("whisper-1", "whisper-1", _only(Operation.TRANSCRIPTION)),
    Deployment("gpt-4o-transcribe", "gpt-4o-transcribe", _only(Operation.TRANSCRIPTION)),
    Deployment("gpt-4o-mini-tts", "gpt-4o-mini-tts", _only(Operation.SPEECH)),
    Deployment("tts-1", "tts-1", _only(Operation.SPEECH)),
    Deployment("gpt-realtime", "gpt-realtime-2025-08-28", _only(Operation.REALTIME)),
)

DEPLOYMENTS: Mapping[str, Deployment] = {deployment.name: deployment for deployment in _DEPLOYMENTS}


def find_deployment(name: str) -> Deployment | None:
    """Return the deployment, or the one before a double dash with the rest as its permanent faults."""
    known, *faults = name.split("--")
    deployment = DEPLOYMENTS.get(known)
    if deployment is None or not faults:
        return deployment
    return replace(deployment, name=name, faults=tuple(faults))
