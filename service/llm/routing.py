"""Which models to try for a question, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from service.llm.calls import Model, Usage
from service.llm.pricing import cost_usd


def candidates(
    models: Iterable[Model],
    routes: Mapping[str, tuple[str, ...]],
    complexity: str,
    prompt_tokens: int,
    max_output: int,
) -> tuple[Model, ...]:
    """The models to try in turn; those whose context window cannot hold prompt and answer are left out.

    A route for the complexity decides the order. Without one: free models first, then by what this call would cost at most, ties by
    the order of the file.
    """
    known = {model.name: model for model in models}
    route = routes.get(complexity)
    if route is not None:
        wanted = [known[name] for name in route]
    else:
        at_most = {model.name: _most_usd(model, prompt_tokens, max_output) for model in known.values()}
        wanted = sorted(known.values(), key=lambda model: (not model.free, at_most[model.name]))
    return tuple(model for model in wanted if _fits(model, prompt_tokens, max_output))


def _fits(model: Model, prompt_tokens: int, max_output: int) -> bool:
    return prompt_tokens + min(max_output, model.output_tokens) <= model.context_tokens


def _most_usd(model: Model, prompt_tokens: int, max_output: int) -> float:
    return cost_usd(Usage(prompt_tokens, min(max_output, model.output_tokens)), model)
