"""One module per resource of the API, and the list of all their routes."""

from collections.abc import Iterator

from devhost.simulator.exchange import Route
from devhost.simulator.language_model import LanguageModel
from devhost.simulator.resources import evals, fine_tuning, models, realtime
from devhost.simulator.resources.batches import Batches
from devhost.simulator.resources.chat import ChatCompletions
from devhost.simulator.resources.completions import Completions
from devhost.simulator.resources.containers import Containers
from devhost.simulator.resources.embeddings import Embeddings
from devhost.simulator.resources.files import Files
from devhost.simulator.resources.images import Images
from devhost.simulator.resources.responses import Responses
from devhost.simulator.resources.speech import Speech
from devhost.simulator.resources.transcriptions import Transcriptions
from devhost.simulator.resources.vector_stores import VectorStores


def all_routes(model: LanguageModel) -> Iterator[Route]:
    """Yield every route of a new, empty resource."""
    files = Files()
    chat, responses = ChatCompletions(model), Responses(model)
    yield from chat.routes()
    yield from Completions(model).routes()
    yield from Embeddings(model.tokenizer).routes()
    yield from responses.routes()
    yield from Images(model.tokenizer).routes()
    yield from Speech(model.tokenizer).routes()
    yield from Transcriptions(model.tokenizer).routes()
    yield from files.routes()
    yield from Batches(files, {"/chat/completions": chat.create, "/responses": responses.create}).routes()
    yield from VectorStores(files).routes()
    yield from Containers(files).routes()
    yield from fine_tuning.routes(files)
    yield from evals.routes()
    yield from models.routes()
    yield from realtime.routes()
