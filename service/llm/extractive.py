"""The engine that ships: it composes an answer from sentences of the passages, without a model, a key or a network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from service.chat.brief import Brief
from service.chat.composing import Composed, compose
from service.llm.calls import Usage
from service.llm.engine import Piece, Written
from service.text import word_count

MODEL = "extractive"
PROVIDER = "embedded"


class ExtractiveEngine:
    """Honest about itself: its model is called `extractive`, and a token is a word between spaces."""

    name = MODEL
    models: Mapping[str, str] = {MODEL: PROVIDER}

    async def write(self, brief: Brief) -> AsyncGenerator[Piece | Written, None]:
        """The answer, a heading or a statement at a time; as one piece where nobody follows them."""
        composed = compose(brief)
        for piece in composed if brief.followed else ("".join(composed),):
            yield Piece(piece)
        yield _account(brief, composed)

    def write_at_once(self, brief: Brief) -> tuple[str, Written]:
        """The same without a generator, which costs a tenth of composing where nobody follows the pieces."""
        composed = compose(brief)
        return "".join(composed), _account(brief, composed)


def _account(brief: Brief, composed: Composed) -> Written:
    read = len(brief.question.split()) + sum([word_count(item.document.text) for item in brief.evidence])
    return Written(MODEL, PROVIDER, Usage(read, composed.words))
