"""The OpenAI surface: one file per API resource, every function through the one pipeline."""

from functions.openai import (
    audio,
    azure_paths,
    batches,
    chat,
    completions,
    containers,
    embeddings,
    evals,
    files,
    fine_tuning,
    images,
    models,
    moderations,
    realtime,
    responses,
    uploads,
    vector_stores,
)

BLUEPRINTS = tuple(
    resource.blueprint
    for resource in (
        audio,
        azure_paths,
        batches,
        chat,
        completions,
        containers,
        embeddings,
        evals,
        files,
        fine_tuning,
        images,
        models,
        moderations,
        realtime,
        responses,
        uploads,
        vector_stores,
    )
)
