"""Stands in for `az` and `gh`: keeps what they would keep in a JSON file, and notes every call. Run as a program."""

import json
import os
import sys
from pathlib import Path
from typing import Any

LOCATION = "FAKE_CLOUD"


class Cloud:
    """The state: everything that the commands have made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}

    @property
    def calls(self) -> list[list[str]]:
        return list(self.state.get("calls", []))

    def changes(self) -> list[list[str]]:
        """The calls that change something."""
        words = {"create", "update", "set", "register", "PUT", "POST", "config-zip", "DELETE"}
        return [call for call in self.calls if words & set(call)]

    def of(self, kind: str) -> list[Any]:
        return list(self.state.get(kind, []))

    def keep(self, kind: str, thing: Any) -> Any:
        self.state.setdefault(kind, []).append(thing)
        return thing

    def save(self) -> None:
        self.path.write_text(json.dumps(self.state))


class Refused(Exception):
    """The tool ends with an error."""


def option(arguments: list[str], name: str, default: str = "") -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else default


def document(arguments: list[str], name: str) -> Any:
    return json.loads(Path(option(arguments, name).removeprefix("@")).read_text())


def answer(cloud: Cloud, call: list[str]) -> Any:
    """What the command prints as JSON. Raises Refused."""
    for words, handler in HANDLERS:
        if call[: len(words)] == list(words):
            return handler(cloud, call)
    raise Refused(f"the stand-in does not know {call}")


def account(cloud: Cloud, call: list[str]) -> Any:
    if "get-access-token" in call:
        return {"accessToken": "token"}
    return {"tenantId": "11111111-1111-1111-1111-111111111111", "id": "aaaaaaaa-0000-0000-0000-000000000001"}


def signed_in(cloud: Cloud, call: list[str]) -> Any:
    return {"id": "me"}


def owners(cloud: Cloud, call: list[str]) -> Any:
    return cloud.state.get("owners", {}).get(option(call, "--id"), [{"id": "me"}])


def group(cloud: Cloud, call: list[str]) -> Any:
    there = cloud.state.setdefault("groups", [])
    where = [option(call, "--subscription"), option(call, "--name")]
    if call[2] == "exists":
        return where in there
    there.append(where)
    return {"name": where[1]}


def provider(cloud: Cloud, call: list[str]) -> Any:
    registered = cloud.state.setdefault("registered", [])
    where = [option(call, "--subscription"), option(call, "--namespace")]
    if call[2] == "register":
        registered.append(where)
        return None
    return "Registered" if where in registered else "NotRegistered"


def project(cloud: Cloud, call: list[str]) -> Any:
    return {"id": "project-1", "name": option(call, "--project")}


def app(cloud: Cloud, call: list[str]) -> Any:
    if call[3] == "create":
        name = option(call, "--display-name")
        return cloud.keep("apps", {"displayName": name, "appId": f"app-of-{name}"})
    return [each for each in cloud.of("apps") if f"'{each['displayName']}'" in option(call, "--filter")]


def principal(cloud: Cloud, call: list[str]) -> Any:
    if call[3] == "create":
        return cloud.keep("principals", {"appId": option(call, "--id"), "id": f"principal-of-{option(call, '--id')}"})
    return [each for each in cloud.of("principals") if f"'{each['appId']}'" in option(call, "--filter")]


def credential(cloud: Cloud, call: list[str]) -> Any:
    owner = option(call, "--id")
    if call[4] == "create":
        return cloud.keep("credentials", {"owner": owner, **document(call, "--parameters")})
    mine = [each for each in cloud.of("credentials") if each["owner"] == owner]
    if call[4] == "update":
        next(each for each in mine if each["name"] == option(call, "--federated-credential-id")).update(
            document(call, "--parameters")
        )
        return None
    return mine


def role_definition(cloud: Cloud, call: list[str]) -> Any:
    if call[3] == "list":
        mine = [each for each in cloud.of("roles") if each["roleName"] == option(call, "--name")]
        return [each for each in mine if option(call, "--scope") in each["assignableScopes"]]
    given = document(call, "--role-definition")
    kept = {
        "roleName": given["Name"] if call[3] == "create" else given["RoleName"],
        "name": f"guid of {given['Name']}",
        "id": f"/roleDefinitions/{given['Name']}",
        "permissions": [{"actions": given["Actions"]}],
        "assignableScopes": given["AssignableScopes"],
    }
    if call[3] == "update":
        cloud.state["roles"] = [each for each in cloud.of("roles") if each["id"] != given["Id"]]
        kept |= {"name": given["Name"], "id": given["Id"]}
    return cloud.keep("roles", kept)


def assignment(cloud: Cloud, call: list[str]) -> Any:
    if call[3] == "create":
        kept = {"principal": option(call, "--assignee-object-id"), "role": option(call, "--role")}
        return cloud.keep(
            "assignments", {**kept, "scope": option(call, "--scope"), "condition": option(call, "--condition") or None}
        )
    if call[3] == "update":
        given = document(call, "--role-assignment")
        for each in cloud.of("assignments"):
            if all(each[key] == given[key] for key in ("principal", "role", "scope")):
                each["condition"] = given["condition"]
        return None
    wanted = {"principal": option(call, "--assignee"), "role": option(call, "--role"), "scope": option(call, "--scope")}
    return [each for each in cloud.of("assignments") if wanted.items() <= each.items()]


def api(cloud: Cloud, call: list[str]) -> Any:
    address = next(part for part in call if part.startswith(("repos/", "users/", "orgs/")))
    if not address.startswith("repos/"):
        return {"id": len(address)}
    if address.count("/") == 2:
        return {"full_name": "Contoso/tollgate"}
    if address.endswith("oidc/customization/sub"):
        return cloud.state.get("oidc", {"use_default": True, "sub_claim_prefix": "repo:Contoso@1/tollgate@2"})
    environments = cloud.state.setdefault("environments", {})
    name = address.split("/")[4]
    if "deployment-branch-policies" in address:
        policies = environments[name].setdefault("branches", [])
        if "POST" in call:
            policies.append({"name": option(call, "-f").removeprefix("name="), "id": len(policies) + 1})
        if "DELETE" in call:
            policies[:] = [each for each in policies if str(each["id"]) != address.rpartition("/")[2]]
            return None
        return {"branch_policies": policies}
    if "PUT" in call:
        given = document(call, "--input")
        reviewers = [{"type": each["type"], "reviewer": {"id": each["id"]}} for each in given["reviewers"]]
        rule = {"type": "required_reviewers", "prevent_self_review": given["prevent_self_review"]}
        kept = {key: given[key] for key in ("deployment_branch_policy", "can_admins_bypass")}
        kept["protection_rules"] = [{**rule, "reviewers": reviewers}] if reviewers else []
        environments.setdefault(name, {}).update(kept)
    if name not in environments:
        raise Refused("gh: Not Found (HTTP 404)")
    return environments[name]


def variable(cloud: Cloud, call: list[str]) -> Any:
    variables = cloud.state.setdefault("variables", {}).setdefault(option(call, "--env"), {})
    if call[2] == "set":
        variables[call[3]] = option(call, "--body")
        return None
    return [{"name": name, "value": value} for name, value in variables.items()]


def endpoint(cloud: Cloud, call: list[str]) -> Any:
    if call[3] == "list":
        return cloud.of("endpoints")
    given = document(call, "--service-endpoint-configuration")
    given["authorization"]["parameters"] |= {
        "workloadIdentityFederationIssuer": "https://login.microsoftonline.com/1/v2.0",
        "workloadIdentityFederationSubject": f"/eid1/c/pub/t/1/a/1/sc/2/{given['name']}",
    }
    return cloud.keep("endpoints", {"id": f"id-of-{given['name']}", **given})


def invoke(cloud: Cloud, call: list[str]) -> Any:
    kind = option(call, "--resource")
    if "POST" in call:
        return cloud.keep(kind, {"id": len(cloud.of(kind)) + 1, **document(call, "--in-file")})
    if kind == "configurations":
        asked = next(part for part in call if part.startswith("resourceId=")).removeprefix("resourceId=")
        type_ = next(part for part in call if part.startswith("resourceType=")).removeprefix("resourceType=")
        resources = [(each["resource"]["type"], each["resource"]["id"]) for each in cloud.of(kind)]
        return {
            "value": [each for each, where in zip(cloud.of(kind), resources, strict=True) if where == (type_, asked)]
        }
    return {"value": cloud.of(kind)}


def what_if(cloud: Cloud, call: list[str]) -> Any:
    if "ResourceIdOnly" in call:
        groups = f"/subscriptions/{option(call, '--subscription')}/resourceGroups"
        name = option(call, "--name").replace("tollgate-", "rg-")
        found = [
            (f"{groups}/{name}", "Deploy"),
            (f"{groups}/another", "Ignore"),
            (f"{groups}/{name}/providers/x/y", "Deploy"),
        ]
        return {"changes": [{"resourceId": each, "changeType": kind} for each, kind in found]}
    if "--no-pretty-print" not in call:
        return "Resource and property changes are indicated with these symbols:\n  + Create\n"
    return {"changes": cloud.of("planned")}


def deployment(cloud: Cloud, call: list[str]) -> Any:
    if call[3] == "create":
        cloud.keep("deployments", option(call, "--name"))
        return {"id": "1"}
    if not cloud.state.get("outputs"):
        raise Refused("DeploymentNotFound: could not be found")
    return {name: {"type": "String", "value": value} for name, value in cloud.state["outputs"].items()}


def publish(cloud: Cloud, call: list[str]) -> Any:
    return cloud.keep("published", {"app": option(call, "--name"), "package": option(call, "--src")})


def secret(cloud: Cloud, call: list[str]) -> Any:
    return cloud.state["secrets"][option(call, "--name")]


def bicep(cloud: Cloud, call: list[str]) -> Any:
    if cloud.state.get("bicep_fails"):
        raise Refused("main.bicep(1,1) : Error BCP007: This declaration type is not recognized.")
    if "--outfile" in call:
        Path(option(call, "--outfile")).write_text("{}")
    return None


def analytics(cloud: Cloud, call: list[str]) -> Any:
    return ["workspace-1"] if "workspace" in call[:4] else cloud.of("rows")


HANDLERS: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("az", "account"), account),
    (("az", "ad", "app", "federated-credential"), credential),
    (("az", "ad", "app", "owner"), owners),
    (("az", "ad", "signed-in-user"), signed_in),
    (("az", "ad", "app"), app),
    (("az", "group"), group),
    (("az", "provider"), provider),
    (("az", "devops", "project"), project),
    (("az", "ad", "sp"), principal),
    (("az", "role", "definition"), role_definition),
    (("az", "role", "assignment"), assignment),
    (("az", "devops", "service-endpoint"), endpoint),
    (("az", "devops", "invoke"), invoke),
    (("az", "deployment", "sub", "what-if"), what_if),
    (("az", "deployment", "sub"), deployment),
    (("az", "functionapp"), publish),
    (("az", "keyvault"), secret),
    (("az", "bicep"), bicep),
    (("az", "monitor"), analytics),
    (("gh", "variable"), variable),
    (("gh", "api"), api),
)


def run(path: Path, call: list[str]) -> str:
    """What the command prints, with the state at `path` as it then is. Raises Refused."""
    cloud = Cloud(path)
    cloud.keep("calls", call)
    try:
        printed = answer(cloud, call)
    finally:
        cloud.save()
    is_text = isinstance(printed, str) and "what-if" in call
    return "" if printed is None else str(printed) if is_text else json.dumps(printed)


def main() -> None:
    try:
        print(run(Path(os.environ[LOCATION]), sys.argv[1:]))
    except Refused as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
