"""/fine_tuning/jobs: jobs that are queued and never train."""

from devhost.simulator.checks import required
from devhost.simulator.errors import bad_request
from devhost.simulator.exchange import Answer, Call, Handler, Json, Route, answer
from devhost.simulator.resources.files import Files
from devhost.simulator.store import Children, Collection, paged, reading_routes

_ROOT = "fine_tuning/jobs"
_VERBS = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}


def routes(files: Files) -> tuple[Route, ...]:
    jobs = Collection("fine_tuning.job", "ftjob-")
    events = Children("fine_tuning.job.event", "ftevent-", jobs)

    def note(job: Json, message: str) -> None:
        events.of(job["id"]).add({"level": "info", "message": message, "type": "message", "data": None})

    async def create(call: Call) -> Answer:
        model = required(call.json, "model")
        if files.find(required(call.json, "training_file")) is None:
            raise bad_request("The training file does not exist.", "training_file", "invalid_value")
        job = jobs.add(_job(model, call.json))
        note(job, "Job enqueued.")
        return answer(job, 201)

    def changing(status: str) -> Handler:
        async def change(call: Call) -> Answer:
            job = jobs.get(call.ids[0])
            if job["status"] == "cancelled":
                raise bad_request("The job has ended.", None, "invalid_state")
            job["status"] = status
            note(job, f"Job {status}.")
            return answer(job)

        return change

    async def checkpoints(call: Call) -> Answer:
        jobs.get(call.ids[0])
        return answer(paged([], call.query))

    return (
        Route("POST", _ROOT, create),
        *reading_routes(_ROOT, jobs),
        *(Route("POST", f"{_ROOT}/{{id}}/{verb}", changing(status)) for verb, status in _VERBS.items()),
        Route("GET", f"{_ROOT}/{{id}}/checkpoints", checkpoints),
        events.routes(f"{_ROOT}/{{id}}/events")[0],
    )


def _job(model: str, body: Json) -> Json:
    return {
        "model": model,
        "status": "queued",
        "training_file": body["training_file"],
        "validation_file": body.get("validation_file"),
        "hyperparameters": body.get("hyperparameters") or {"n_epochs": "auto"},
        "method": body.get("method") or {"type": "supervised"},
        "metadata": body.get("metadata"),
        "seed": body.get("seed") or 1,
        "organization_id": "",
        "fine_tuned_model": None,
        "finished_at": None,
        "trained_tokens": None,
        "result_files": [],
        "error": None,
    }
