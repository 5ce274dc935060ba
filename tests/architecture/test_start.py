import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

HEAVY = (
    "azure.identity", "azure.cosmos", "azure.servicebus", "azure.keyvault", "azure.monitor", "tiktoken", "msal", "opencensus",
    "opentelemetry.sdk", "opentelemetry.exporter", "prometheus_client",
)  # fmt: skip
"""Each costs a good part of a second, and a cold start pays for it: they are imported when first needed."""


def test_loading_the_app_imports_no_azure_client_and_no_tokeniser() -> None:
    code = (
        "import sys; from functions import build_app; build_app();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    environment = {"PATH": "/usr/bin:/bin", "TOLLGATE_CONFIG": str(ROOT / "devhost" / "gateway.yaml")}
    environment["AZURE_OPENAI_ENDPOINT"] = "https://example.openai.azure.com"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_loading_the_app_with_settings_missing_names_all_of_them() -> None:
    environment = {"PATH": "/usr/bin:/bin", "WEBSITE_POD_NAME": "1"}

    done = subprocess.run(
        [sys.executable, "-c", "import function_app"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    for name in (
        "TOLLGATE_CONFIG",
        "TOLLGATE_PEPPER_REF",
        "ServiceBusConnection__fullyQualifiedNamespace",
        "TOLLGATE_COSMOS_ENDPOINT",
    ):
        assert f"{name} is missing" in done.stderr
