"""Keeps the output that a call asks for within what it may have: brings it down, or refuses it, as the policy says."""

import re

from shared.errors import BadRequest
from shared.gateway.call import Call
from shared.gateway.forecast import GENERATING, OUTPUT_MEMBERS
from shared.policy.model import CapRule, EffectivePolicy
from shared.wire.json_edit import set_member
from shared.wire.openai.endpoints import Meter

_REASONING = re.compile(r"(o\d|gpt-5|codex)")
"""Models that know only the newer name (https://platform.openai.com/docs/api-reference/chat)."""


def keep_within_cap(call: Call) -> None:
    """Write the cap into the body where it asks for more, or for no limit at all. Raises BadRequest, DuplicateKey."""
    body, raw = call.content.json, call.content.raw
    if call.endpoint.meter not in GENERATING or body is None or raw is None:
        return
    asked = {name: value for name in OUTPUT_MEMBERS if isinstance(value := body.get(name), int)}
    _note_shadow(call, max(asked.values(), default=None))
    rule = call.caller.policy.output_cap()
    if rule is None:
        return
    if not asked:
        asked = {_member(call): rule.limit + 1}
    elif refusing := refusing_cap(call.caller.policy, max(asked.values())):
        _refuse(refusing, asked)
    for name, value in asked.items():
        if value > rule.limit:
            raw = set_member(raw, name, str(rule.limit))
            body[name] = rule.limit
    call.content.raw = raw


def refusing_cap(policy: EffectivePolicy, asked: int) -> CapRule | None:
    """Return the strictest rule that refuses so much output. One that would bring it down does not take that from it."""
    return min(
        (
            rule
            for rule in policy.caps
            if rule.what == "output_tokens" and rule.origin.is_enforced and not rule.clamps and asked > rule.limit
        ),
        key=lambda rule: rule.limit,
        default=None,
    )


def _refuse(rule: CapRule, asked: dict[str, int]) -> None:
    name = next(name for name, value in asked.items() if value > rule.limit)
    raise BadRequest(
        f"`{name}` is {asked[name]}; {rule.origin.scope} allows {rule.limit}.", param=name, code="max_tokens_exceeded"
    )


def _note_shadow(call: Call, asked: int | None) -> None:
    for rule in call.caller.policy.caps:
        if rule.what == "output_tokens" and not rule.origin.is_enforced and (asked is None or asked > rule.limit):
            call.shadow.append(f"{rule.origin.source}: output_tokens")


def _member(call: Call) -> str:
    """The name under which this endpoint takes the limit."""
    if call.endpoint.meter is Meter.RESPONSE:
        return "max_output_tokens"
    is_newer = call.endpoint.meter is Meter.CHAT and _REASONING.match(call.model or "")
    return "max_completion_tokens" if is_newer else "max_tokens"
