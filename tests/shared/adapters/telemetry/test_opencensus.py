"""What Application Insights is sent by the retired exporter."""

from tests.shared.adapters.telemetry.recorder_contract import KEY, RecorderContract


class TestOpenCensus(RecorderContract):
    name = "opencensus"

    def environment(self, url: str) -> dict[str, str]:
        return {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={url}"}
