"""Keeps the output that a call asks for within what it may have: brings it down, or refuses it, as the policy says."""

import re

from shared.errors import BadRequest
from shared.gateway.call import Call, Json
from shared.gateway.spending.forecast import GENERATING, upstream_model
from shared.gateway.spending.members import NUMBERS, asked, obeyed, pictures_of_form, refuse_no_number
from shared.policy.model import CapRule, EffectivePolicy
from shared.wire.json_edit import DuplicateKey, member_spans, set_member
from shared.wire.openai.endpoints import Meter

_REASONING = re.compile(r"(o\d|gpt-5|codex)")
"""Models that know only the newer name (https://platform.openai.com/docs/api-reference/chat)."""

_OPENAI = re.compile(r"(ft:)?(gpt-|chatgpt|o\d|codex|computer-use)")
"""Models that go by the newer name, and refuse a call that has both."""

_KEYS = tuple((name, f'"{name}"'.encode()) for name in NUMBERS)
_COMPATIBLE = "openai_compatible"


def keep_within_cap(call: Call) -> None:
    """Write the cap into the body where it asks for more, or for no limit at all. Raises BadRequest, DuplicateKey."""
    policy, body, raw = call.caller.policy, call.content.json, call.content.raw
    if not (policy.caps or policy.counts):
        return
    if call.endpoint.meter is Meter.IMAGE and call.content.form is not None:
        pictures_of_form(call.content.form.value("n"))
    if body is None or raw is None:
        return
    if call.endpoint.meter in GENERATING or call.endpoint.meter is Meter.IMAGE:
        _refuse_ambiguous(raw, body)
        refuse_no_number(body)
    if call.endpoint.meter in GENERATING:
        _keep_within_cap(call, policy, body, raw)


def _keep_within_cap(call: Call, policy: EffectivePolicy, body: Json, raw: bytes) -> None:
    wanted = asked(body)
    is_limited = _is_limited(call, body)
    _note_shadow(call, max(wanted.values()) if is_limited else None)
    rule = policy.output_cap()
    if rule is None:
        return
    if wanted and (refusing := refusing_cap(policy, max(wanted.values()))):
        _refuse(refusing, wanted)
    lowered = {name: rule.limit for name, value in wanted.items() if value > rule.limit}
    if not is_limited:
        lowered[_member(call)] = min([rule.limit, *wanted.values()])
    for name, value in lowered.items():
        raw = set_member(raw, name, str(value))
        body[name] = value
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


def _refuse_ambiguous(raw: bytes, body: Json) -> None:
    """Raise DuplicateKey where a number that counts is written twice: readers disagree on which one is meant."""
    written = [key for name, key in _KEYS if name in body]
    # With an escaped letter in it a key would escape the search.
    if written and (b"\\u00" in raw or any(raw.count(key) > 1 for key in written)):
        try:
            member_spans(raw.decode())
        except DuplicateKey:
            raise
        except ValueError:
            raise BadRequest("The request body is not valid JSON.", code="invalid_json") from None


def _is_limited(call: Call, body: Json) -> bool:
    """Whether one of the members limits the output at this upstream."""
    limits = obeyed(body, call.endpoint.meter)
    if call.endpoint.meter is not Meter.CHAT or "max_tokens" in limits or not limits:
        return bool(limits)
    deployments = call.plan.deployments if call.plan else ()
    is_old = any(deployment.provider == _COMPATIBLE for deployment in deployments)
    return not is_old or _is_named(call, _OPENAI)


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
    is_newer = call.endpoint.meter is Meter.CHAT and _is_named(call, _REASONING)
    return "max_completion_tokens" if is_newer else "max_tokens"


def _is_named(call: Call, names: re.Pattern[str]) -> bool:
    return any(names.match(name) for name in (call.model or "", upstream_model(call)))
