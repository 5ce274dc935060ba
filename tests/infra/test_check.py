"""The checker finds what is wrong in a template, says where, and how to mend it; and nothing in one that is right."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.check import check_folder, main

GOOD = Path(__file__).with_name("templates")
ROOT = Path(__file__).parents[2]


def test_a_template_with_all_that_the_language_has_is_fine() -> None:
    assert [str(each) for each in check_folder(GOOD)] == []


# ruff: noqa: E501 - a table
FAULTS = [
    # file, what is right, what is put in its place, the line's text, what is said
    ("good.bicep", "vaults@2024-11-01' = {", "vaults@2024-11-31' = {", "resource vault", "known versions:"),
    ("good.bicep", "Microsoft.KeyVault/vaults@2024-11-01' = {", "Microsoft.KeyVolt/vaults@2024-11-01' = {", "resource vault", "is not known"),
    ("good.bicep", "    enableRbacAuthorization: true", "    enableRbacAuthorisation: true", "enableRbac", "did you mean 'enableRbacAuthorization'"),
    ("good.bicep", "    enableRbacAuthorization: true", "    enableRbacAuthorization: 'yes'", "enableRbac", "a string ('yes') is given where bool is expected"),
    ("good.bicep", "maxDeliveryCount: 10", "maxDeliveryCount: '10'", "maxDelivery", "where int is expected"),
    ("good.bicep", "    tenantId: subscription().tenantId\n", "", "properties: {", ".tenantId is missing: add it"),
    ("good.bicep", "    tenantId: subscription().tenantId\n", "    tenantId: subscription().tenantId\n    hsmPoolResourceId: 'x'\n", "hsmPool", "is read-only: remove it"),
    ("good.bicep", "defaultAction: 'Deny'", "defaultAction: 'deny'", "defaultAction", "did you mean 'Deny'"),
    ("good.bicep", "  family: 'A'\n", "  Family: 'A'\n", "Family", "did you mean 'family'"),
    ("good.bicep", "parent: namespace", "parent: namespaces", "parent:", "did you mean 'namespace'"),
    ("good.bicep", "join(list", "joint(list", "joint", "there is no function 'joint': did you mean 'join'"),
    ("good.bicep", "join(list, ',')", "join(list)", "join(", "takes 2 arguments, not 1"),
    ("good.bicep", "vault.properties.vaultUri", "vault.properties.vaultUrl", "output address", "did you mean 'vaultUri'"),
    ("good.bicep", "peers[i].outputs.name", "peers[i].outputs.nome", "output peerNames", "did you mean 'name'"),
    ("good.bicep", "    size: scale.memory\n", "", "params: {", "peer.params.size is missing"),
    ("good.bicep", "    size: scale.memory\n", "    size: scale.memory\n    sise: 1\n", "sise:", "peer.params.sise is no known property: did you mean 'size'"),
    ("good.bicep", "    size: scale.memory\n", "    size: 5000\n", "size: 5000", "must be at most 4096"),
    ("good.bicep", "    kind: 'small'\n", "    kind: 'smal'\n", "kind: 'smal'", "did you mean 'small'"),
    ("good.bicep", "'part.bicep' = if", "'parts.bicep' = if", "module peer", "is not there: correct the path"),
    ("good.bicep", "environmentName = 'dev'", "environmentNames = 'dev'", "param environment", "the type 'common.environmentNames' is not declared"),
    ("good.bicep", "environmentName = 'dev'", "environmentName = 'test'", "param environment", "is not allowed here"),
    ("good.bicep", "import { network, shortName,", "import { network, newOne,", "import {", "'newOne' is not exported"),
    ("good.bicep", "@description('The region.')\n", "", "param location", "put @description('…') above it"),
    ("good.bicep", "var isProd =", "@description('Not used.')\nparam idle string\nvar isProd =", "param idle", "is never used: remove it"),
    ("good.bicep", "output address string = vault.properties.vaultUri", "output address string = half", "output address", "gives the secure parameter 'half' away"),
    ("good.bicep", "output address string", "output vaultKey string", "output vaultKey", "looks like a secret"),
    ("good.bicep", "output peerName string = peer", "output peerName int = peer", "output peerName", "is given where int is expected"),
    ("good.bicep", "half string = newGuid()", "half string = 'letmein'", "param half", "a default that everybody can read"),
    ("good.bicep", "half string = newGuid()", "half string = loadTextContent('shared.bicep')", "param half", "make it optional"),
    ("good.bicep", "value: '${half}-x'", "value: newGuid()", "newGuid()", "only allowed in the default of a parameter"),
    ("good.bicep", "parent: namespace\n", "parent: namespace,,\n    name: 1 +\n", "name: 1", "must not break after '+'"),
    ("good.bicep", "name: 'kv-other'", "name: 'kv-other", "name: 'kv-other", "add the missing quote"),
    ("good.bicep", "var isProd = environment == 'prod'\n", "var isProd = environment == 'prod'\nvar isProd = true\n", "var isProd = true", "is declared on line"),
    ("good.bicep", "var text = '''\nit's '${not interpolated}'\n'''", "var text = loadTextContent('gone.kql')", "loadTextContent", "the file 'gone.kql' is not there"),
    ("good.bicep", "name: 'sb-${uniqueString(resourceGroup().id)}'", "name: vault.properties.vaultUri", "name: vault", "is only known after deploying"),
    ("good.bicepparam", "param environment", "param environmnt", "param environmnt", "did you mean 'environment'"),
    ("good.bicepparam", "param environment = 'prod'", "param environment = 'production'", "param environment", "is not allowed here"),
    ("good.bicepparam", "  kind: 'existing'\n", "  kind: 'exists'\n", "kind: 'exists'", "did you mean 'existing'"),
    ("good.bicepparam", "  id: readEnvironmentVariable('MODEL_ID', '')\n", "", "param model", "param.model.id is missing"),
    ("good.bicepparam", "param scale = { memory: 2048,", "param scale = { memory: 1024,", "param scale", "is not allowed here"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "wrong", "line", "said"), FAULTS, ids=[each[4][:40] for each in FAULTS])
def test_a_fault_is_found_at_its_line_with_how_to_mend_it(
    name: str, right: str, wrong: str, line: str, said: str, tmp_path: Path
) -> None:
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / name).read_text()
    assert right in text
    (tmp_path / name).write_text(text.replace(right, wrong, 1))

    findings = check_folder(tmp_path)

    lines = (tmp_path / name).read_text().splitlines()
    found = [(each.path.name, line in lines[each.line - 1]) for each in findings if said in each.message]
    assert (name, True) in found, [str(each) for each in findings]


def test_a_parameter_that_a_file_forgets_is_found(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    (tmp_path / "good.bicepparam").write_text("using 'good.bicep'\nparam environment = 'prod'\n")

    assert [each.message for each in check_folder(tmp_path)] == ["param.model is missing: add it, it is required"]


def test_a_broken_line_does_not_hide_the_faults_after_it(tmp_path: Path) -> None:
    (tmp_path / "broken.bicep").write_text("var a = = 1\nvar b = c\noutput d string = b\n")

    assert [each.line for each in check_folder(tmp_path)] == [1, 2, 3]


def test_the_command_prints_where_and_what_and_ends_with_one(tmp_path: Path) -> None:
    (tmp_path / "main.bicep").write_text(
        "@description('Where.')\nparam location strin\noutput location string = location\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.check", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"{tmp_path}/main.bicep:2: the type 'strin' is not declared: did you mean 'string'?" in done.stdout


def test_the_command_ends_with_nought_where_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(GOOD)]) == 0
    assert capsys.readouterr().out == ""
