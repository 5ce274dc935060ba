"""What is wrong with what an operator asked telemetry to do."""


class TelemetryMisconfigured(ValueError):
    """Telemetry cannot be sent as configured; the text says what to change, and quotes no secret. Raised at start only."""
