"""/evals and their runs, which complete at once and find nothing to judge."""

from devhost.simulator.checks import required
from devhost.simulator.errors import object_not_found
from devhost.simulator.exchange import Answer, Call, Json, Route, answer
from devhost.simulator.store import Children, Collection, delete_route, paged, reading_routes, update_route


def routes() -> tuple[Route, ...]:
    evals = Collection("eval", "eval_")
    runs = Children("eval.run", "evalrun_", evals)
    path = "evals/{id}/runs"

    async def create(call: Call) -> Answer:
        fields = {
            "name": call.json.get("name") or "",
            "data_source_config": required(call.json, "data_source_config"),
            "testing_criteria": required(call.json, "testing_criteria"),
            "metadata": call.json.get("metadata"),
        }
        return answer(evals.add(fields), 201)

    async def create_run(call: Call) -> Answer:
        source = required(call.json, "data_source")
        return answer(runs.of(call.ids[0]).add(_run(call.ids[0], source, call.json)), 201)

    async def cancel_run(call: Call) -> Answer:
        run = runs.of(call.ids[0]).get(call.ids[1])
        run["status"] = "canceled"
        return answer(run)

    async def output_items(call: Call) -> Answer:
        runs.of(call.ids[0]).get(call.ids[1])
        return answer(paged([], call.query))

    async def output_item(call: Call) -> Answer:
        runs.of(call.ids[0]).get(call.ids[1])
        raise object_not_found("eval.run.output_item", call.ids[2])

    return (
        Route("POST", "evals", create),
        *reading_routes("evals", evals),
        update_route("evals", evals, "name", "metadata"),
        delete_route("evals", evals),
        Route("POST", path, create_run),
        Route("POST", f"{path}/{{id}}", cancel_run),
        Route("GET", f"{path}/{{id}}/output_items", output_items),
        Route("GET", f"{path}/{{id}}/output_items/{{id}}", output_item),
        *runs.routes(path),
    )


def _run(eval_id: str, source: Json, body: Json) -> Json:
    return {
        "eval_id": eval_id,
        "name": body.get("name") or "",
        "status": "completed",
        "model": source.get("model") or "",
        "data_source": source,
        "error": None,
        "metadata": body.get("metadata"),
        "per_model_usage": [],
        "per_testing_criteria_results": [],
        "report_url": "",
        "result_counts": {"total": 0, "passed": 0, "failed": 0, "errored": 0},
    }
