"""What a call costs, and how many tokens a text will be."""

from __future__ import annotations

import math

from service.llm.calls import Model, Usage

CHARACTERS_PER_TOKEN = 3.5
"""An assumption for Indonesian in Latin letters, meant to be rather too many tokens than too few; held against no tokenizer.

On the corpus that ships it makes 2.1 tokens of a word (1.9 to 2.3 in nine of ten entries). Usage that a provider reports replaces it.
"""


def cost_usd(usage: Usage, model: Model) -> float:
    """US dollars for one call: cached input at its own price, reasoning once, as the output that it is part of."""
    fresh = max(0, usage.input_tokens - usage.cached_tokens)
    return (
        fresh * model.input_usd + usage.cached_tokens * model.cached_input_usd + usage.output_tokens * model.output_usd
    ) / 1_000_000


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is, without any model's tokenizer: an estimate that has to be called one.

    Letters count CHARACTERS_PER_TOKEN to the token; those of scripts beyond U+2E7F (Chinese, Japanese, Korean) count one each. A text
    that is not empty is at least one token. Numbers, names and markup really are more tokens than this says.
    """
    if text.isascii():
        return math.ceil(len(text) / CHARACTERS_PER_TOKEN)
    wide = sum(letter > "\u2e7f" for letter in text)
    return wide + math.ceil((len(text) - wide) / CHARACTERS_PER_TOKEN)
