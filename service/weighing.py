"""How well cited passages support an answer."""

from __future__ import annotations

from collections.abc import Sequence

from service.chat.confidence import Support, confidence
from service.chat.evidence import Evidence
from service.retrieval.retriever import Retriever


async def support(retriever: Retriever, search: str, cited: Sequence[Evidence], *, unknown: int = 0) -> float:
    """The confidence that cited passages allow; `unknown` is how many laws of the question no source bears."""
    named, resolved = await retriever.references(search, [item.document for item in cited])
    return confidence(
        retriever.analyser.query_terms(search).topic,
        retriever.idf,
        [Support(retriever.terms(item), item.score) for item in cited],
        named=named + unknown,
        resolved=resolved,
    )
