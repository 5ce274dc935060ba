"""Chooses where telemetry goes. Libraries are imported for what is asked for: some need a tenth of a second, and megabytes."""

from collections.abc import Mapping, Sequence

from shared.adapters.telemetry.configured import NO_OPENCENSUS, check
from shared.adapters.telemetry.credentials import CredentialFactory
from shared.adapters.telemetry.delivery import Lost
from shared.adapters.telemetry.errors import TelemetryMisconfigured
from shared.adapters.telemetry.service import Service
from shared.adapters.telemetry.several import Recorders
from shared.telemetry.ports import Recorder

PATIENCE_S = 2.5
"""Less than what the gateway waits for its telemetry when it ends."""


def recorder_of(
    names: Sequence[str],
    environment: Mapping[str, str],
    *,
    version: str,
    credential_factory: CredentialFactory | None = None,
    on_lost: Lost = lambda count: None,
    patience_s: float = PATIENCE_S,
) -> Recorder:
    """Return one recorder for all names. Raises TelemetryMisconfigured for what would not work.

    `on_lost` is told, in any thread, how many points or spans a destination did not take. `close` of the recorder takes
    `patience_s` seconds at most. Without a factory, credentials are the managed identity's, or this machine's own.
    """
    check(names, environment)
    service = Service.of(version, environment)
    recorders: list[Recorder] = []
    if {"azure_monitor", "otlp"} & set(names):
        recorders.append(_open_telemetry(names, environment, service, credential_factory, on_lost, patience_s))
    if "prometheus" in names:
        recorders.append(_prometheus(service, on_lost))
    if "opencensus" in names:
        recorders.append(_opencensus(environment, service, credential_factory, on_lost, patience_s))
    return recorders[0] if len(recorders) == 1 else Recorders(recorders, patience_s)


def _open_telemetry(
    names: Sequence[str],
    environment: Mapping[str, str],
    service: Service,
    credential_factory: CredentialFactory | None,
    on_lost: Lost,
    patience_s: float,
) -> Recorder:
    from shared.adapters.telemetry.sdk import Destination, OpenTelemetryRecorder

    destinations: list[Destination] = []
    if "azure_monitor" in names:
        from shared.adapters.telemetry import azure_monitor

        destinations.append(
            azure_monitor.destination(environment, credential_factory=credential_factory, on_lost=on_lost)
        )
    if "otlp" in names:
        from shared.adapters.telemetry import otlp

        destinations.append(otlp.destination(environment, on_lost=on_lost))
    return OpenTelemetryRecorder(service, destinations, on_lost=on_lost, patience_s=patience_s)


def _prometheus(service: Service, on_lost: Lost) -> Recorder:
    from shared.adapters.telemetry.prometheus import PrometheusRecorder

    return PrometheusRecorder(service, on_lost=on_lost)


def _opencensus(
    environment: Mapping[str, str],
    service: Service,
    credential_factory: CredentialFactory | None,
    on_lost: Lost,
    patience_s: float,
) -> Recorder:
    try:
        from shared.adapters.telemetry.opencensus import recorder
    except (ImportError, AttributeError) as error:
        raise TelemetryMisconfigured(NO_OPENCENSUS) from error
    return recorder(environment, service, credential_factory=credential_factory, on_lost=on_lost, patience_s=patience_s)
