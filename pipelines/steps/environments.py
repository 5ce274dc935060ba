"""What the steps know of an environment: its parameter file, its deployment and what that deployment has put out."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.steps.commands import ROOT, CommandFailed, Commands

ENVIRONMENTS = ("dev", "staging", "prod")
LOCATION = re.compile(r"^param location\s*=\s*'([a-z0-9]+)'", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Environment:
    """`name` is one of ENVIRONMENTS, or a customer's own that has a parameter file.

    `deployed_as` is the name of the deployment where somebody else has given it, as the portal does.
    """

    name: str
    folder: Path = ROOT / "infra-bicep"
    deployed_as: str = ""

    @property
    def parameters(self) -> Path:
        """Raises CommandFailed where there is no such file."""
        path = self.folder / f"main.{self.name}.bicepparam"
        if not re.fullmatch(r"[a-z0-9-]{1,20}", self.name) or not path.is_file():
            raise CommandFailed(f"there is no environment {self.name}: {path} is missing")
        return path

    @property
    def deployment(self) -> str:
        """The deployment's name in the subscription: always the same, so that its outputs are those of the last one."""
        return self.deployed_as or f"tollgate-{self.name}"

    @property
    def location(self) -> str:
        """Where the deployment's record is kept: where the parameter file puts the resources."""
        found = LOCATION.search(self.parameters.read_text(encoding="utf-8"))
        if found is None:
            raise CommandFailed(f"{self.parameters} does not set location to a region: give --location")
        return found[1]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What main.bicep puts out and the steps need."""

    resource_group: str
    function_app: str
    url: str
    vault: str

    @classmethod
    def read(cls, commands: Commands, environment: Environment) -> "Deployed":
        """Raises CommandFailed where the environment is not deployed, or its template puts out something else."""
        query = ("--query", "properties.outputs")
        outputs = commands.read("az", "deployment", "sub", "show", "--name", environment.deployment, *query, *JSON)
        try:
            return cls(
                resource_group=outputs["resourceGroupName"]["value"],
                function_app=outputs["functionAppName"]["value"],
                url=outputs["gatewayUrl"]["value"].rstrip("/"),
                vault=outputs["keyVaultName"]["value"],
            )
        except (KeyError, TypeError) as error:
            raise CommandFailed(f"the deployment {environment.deployment} has no output {error}") from error


JSON = ("--output", "json")
