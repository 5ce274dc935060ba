"""The console on a running gateway."""

from collections.abc import Mapping

from shared.callers.address import client_address
from shared.console.service import Console
from shared.console.sign_ins import SignIns
from shared.jobs.composition import counted_ledger_of
from shared.management.api import ManagementApi
from shared.runtime import Runtime


def console_of(runtime: Runtime, api: ManagementApi) -> Console:
    administration = runtime.administration
    sign_ins = SignIns(
        runtime.documents,
        administration.store,
        administration.declared,
        runtime.callers,
        runtime.clock,
        administration.pepper,
    )
    proxies = runtime.config.trusted_proxies
    in_front = int(runtime.settings.in_azure) if proxies is None else proxies

    def address_of(headers: Mapping[str, str], peer: str) -> str:
        return client_address(headers, peer, in_front)

    return Console(
        api,
        sign_ins,
        administration.store,
        runtime.clock,
        address_of,
        time_zone=runtime.config.finance.time_zone,
        counted_anew_for=counted_ledger_of(runtime).counted_anew_for,
    )
