"""Steps 2 and 3: what is asked for, whether the caller may have it, and in which order deployments are tried."""

import re

import orjson

from shared.errors import BadRequest, NotFound
from shared.gateway.body import beside_others
from shared.gateway.call import Call, Json, bounded
from shared.gateway.message import GatewayRequest
from shared.gateway.naming import named_model, nested_models, tool_models
from shared.gateway.references import check_references, find_mentioned
from shared.gateway.spending.downshift import downshifted
from shared.gateway.spending.output_cap import keep_within_cap
from shared.gateway.spending.provisions import work_of
from shared.routing.service import ModelNotFound, ObjectElsewhere, Plan
from shared.runtime import Runtime
from shared.wire.json_edit import DuplicateKey, ask_for_usage
from shared.wire.openai.endpoints import Endpoint, Kind, ModelIn

IMAGE_DEPLOYMENT = "x-ms-oai-image-generation-deployment"
PREFIX_LENGTH = 2048
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,199}")


class UnsupportedEndpoint(NotFound):
    """404: the operation exists at OpenAI, but not where this request would go."""

    code = "unsupported_endpoint"

    def __init__(self, path: str, upstream: str) -> None:
        super().__init__(f"{upstream} does not offer /v1/{path}, so this gateway cannot serve it.")


async def decide(call: Call, request: GatewayRequest, runtime: Runtime) -> None:
    """Fill in model, references, plan and the edits of the body. Raises what the caller should hear."""
    mentioned = await find_mentioned(call, runtime.counter)
    named, drawing = _named(call, request), request.headers.get(IMAGE_DEPLOYMENT)
    # Events tell what was asked for also where it is refused.
    call.model = bounded(named) if named else None
    for model in {named, drawing, *mentioned.models, *nested_models(call)} - {None}:
        _check_admitted(call, str(model), runtime)
    for model in tool_models(call) | mentioned.tool_models:
        _check_allowed(call, model)
    call.image_model = drawing
    await check_references(call, mentioned, runtime.ownership)
    if named is None and call.endpoint.model is ModelIn.BODY_OPTIONAL:
        call.model = _unsaid_model(call, runtime)
    if call.endpoint.creates is Kind.BATCH:
        await _check_batch(call, runtime)
    call.plan = await _cheaper_plan(call, runtime) or _supported(_plan(call, runtime), call.endpoint, runtime)
    await beside_others(call.request_bytes, _prepare, call, call.endpoint)


def _named(call: Call, request: GatewayRequest) -> str | None:
    """The model that the request names. Raises BadRequest where the endpoint needs one."""
    if call.matched.model is not None:
        return call.matched.model
    where = call.endpoint.model
    if where is ModelIn.NOWHERE:
        return None
    named = named_model(call, request.query)
    if isinstance(named, str) and named:
        return named
    if named is not None and not isinstance(named, str):
        raise BadRequest("`model` must be a string.", param="model", code="invalid_type")
    if where is ModelIn.BODY_OPTIONAL:
        return None
    raise _missing_model()


def _unsaid_model(call: Call, runtime: Runtime) -> str | None:
    """The model of a request that names none: that of the response which it continues, else the configured one.

    It is checked, priced and sent like one that was named, so that it is not the upstream's to choose. Only where nothing limits
    the caller's models and no default is configured does the request go without.
    """
    continued = [owned.label for owned in call.references if owned.kind is Kind.RESPONSE]
    # A response from before labels were kept goes where it lives, and is the upstream's to continue.
    default = None if continued else runtime.config.default_response_model
    model = next((label for label in continued if label), default)
    if model is not None:
        _check_admitted(call, model, runtime)
    elif any(rule.what == "models" and rule.origin.is_enforced for rule in call.caller.policy.names):
        raise _missing_model()
    return model


def _missing_model() -> BadRequest:
    return BadRequest("You must provide a `model`.", param="model", code="missing_required_parameter")


def _check_admitted(call: Call, model: str, runtime: Runtime) -> None:
    """Raise ModelNotFound, the same for what there is not and for what the caller may not have."""
    if not _MODEL_NAME.fullmatch(model) or not runtime.router.knows(model):
        raise ModelNotFound(model)
    _check_allowed(call, model)


def _check_allowed(call: Call, model: str) -> None:
    for rule in call.caller.policy.against("models", model):
        if rule.origin.is_enforced:
            raise ModelNotFound(model)
        call.shadow.append(f"{rule.origin.source}: model {model}")


async def _check_batch(call: Call, runtime: Runtime) -> None:
    """What the lines of its file ask for was checked for whoever uploaded it; he who makes a batch of it may be another."""
    call.batch_work = (await work_of(call, runtime)).by_model
    for model in call.batch_work:
        _check_admitted(call, model, runtime)


async def _cheaper_plan(call: Call, runtime: Runtime) -> Plan | None:
    """Return the plan of the alias that a budget sends the call to, if it can be served there at all."""
    alias = await downshifted(call, runtime)
    if alias is None:
        return None
    asked, call.model = call.model, alias
    try:
        plan = _supported(_plan(call, runtime), call.endpoint, runtime)
    except (ObjectElsewhere, UnsupportedEndpoint):
        call.model = asked
        return None
    call.downshifted_from = asked
    return plan


def _plan(call: Call, runtime: Runtime) -> Plan:
    """The route's targets, or the deployment where the referenced objects live."""
    router = runtime.router
    homes = {home.endpoint: home for owned in call.references if (home := router.deployment(owned.deployment))}
    if len(homes) > 1 or (call.references and not homes):
        raise ObjectElsewhere(call.model or "")
    home = next(iter(homes.values()), None)
    if call.model is None:
        return router.plan_for(home.name if home else runtime.config.objects_deployment)
    plan = router.plan(call.model, call.endpoint.name, lambda: _affinity(call), home.endpoint if home else None)
    if home in plan.deployments:
        others = tuple(deployment for deployment in plan.deployments if deployment is not home)
        return Plan(plan.model, (home, *others))
    return plan


def _affinity(call: Call) -> str:
    """What should meet the same prompt cache again: the caller's cache key, else the beginning of the prompt."""
    body = call.content.json or {}
    if isinstance(key := body.get("prompt_cache_key"), str) and key:
        return key
    prompt = body.get("messages") or body.get("input") or body.get("prompt")
    if not prompt:
        return call.id
    beginning = [body.get("instructions"), prompt[:2] if isinstance(prompt, list) else prompt]
    return orjson.dumps(beginning)[:PREFIX_LENGTH].decode("utf-8", "replace")


def _supported(plan: Plan, endpoint: Endpoint, runtime: Runtime) -> Plan:
    """Leave out deployments whose provider lacks the operation. Raises UnsupportedEndpoint where none is left."""
    able, lacking = [], ""
    for deployment in plan.deployments:
        upstream = runtime.providers[deployment.provider].lacks(endpoint)
        if upstream is None:
            able.append(deployment)
        else:
            lacking = upstream
    if not able:
        raise UnsupportedEndpoint(endpoint.path, lacking)
    return plan if len(able) == len(plan.deployments) else Plan(plan.model, tuple(able))


def _prepare(call: Call, endpoint: Endpoint) -> None:
    """Note whether a stream is asked for, and ask for its usage where the caller did not."""
    content, body = call.content, call.content.json
    if content.form is not None:
        call.streams = str(content.form.value("stream")).lower() in ("true", "1")
    if not body:
        return
    if not isinstance(body.get("stream"), bool | None):
        raise BadRequest("`stream` must be a boolean.", param="stream", code="invalid_type")
    call.streams = body.get("stream") is True
    try:
        keep_within_cap(call)
        _ask_for_usage(call, endpoint, body)
    except DuplicateKey as error:
        raise BadRequest(str(error), param=error.key, code="duplicate_key") from None


def _ask_for_usage(call: Call, endpoint: Endpoint, body: Json) -> None:
    content = call.content
    if not (call.streams and endpoint.adds_usage) or content.raw is None:
        return
    options = body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage") is True:
        return
    if options is not None and not isinstance(options, dict):
        raise BadRequest("`stream_options` must be an object.", param="stream_options", code="invalid_type")
    content.raw = ask_for_usage(content.raw, body)
    call.hides_usage = True
