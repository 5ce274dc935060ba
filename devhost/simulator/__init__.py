"""An honest simulator of Azure OpenAI: `python -m devhost.simulator`, or `Simulator` inside a test."""

from devhost.simulator.server import RecordedRequest, Simulator

__all__ = ["RecordedRequest", "Simulator"]
