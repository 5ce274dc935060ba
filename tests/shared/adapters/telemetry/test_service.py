"""What is said of the process that tells telemetry."""

import os

from shared.adapters.telemetry.service import Service


def test_an_instance_of_azure_is_known_by_its_name_there_and_its_process() -> None:
    service = Service.of("1.2.3", {"WEBSITE_INSTANCE_ID": "0123456789abcdef0123", "TOLLGATE_ENVIRONMENT": "prod"})

    assert service.attributes() == {
        "service.name": "tollgate",
        "service.version": "1.2.3",
        "service.instance.id": f"0123456789abcdef-{os.getpid()}",
        "deployment.environment.name": "prod",
    }


def test_elsewhere_by_the_machine() -> None:
    service = Service.of("1", {})

    assert service.instance.endswith(f"-{os.getpid()}")
    assert service.environment == "local"
