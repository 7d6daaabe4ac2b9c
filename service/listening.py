"""What a message means in its conversation: talk, the question before once more, or a question of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from service.chat.contextualise import Context
from service.chat.guard import Refusals, refusal_of
from service.chat.language import Spoken, shows_english, spoken
from service.chat.smalltalk import Remark, SmallTalk, heard
from service.chat.translating import Glossary, translate
from service.values import value


@value
class Understood:
    """A message as it is to be answered.

    `text` is the question to research: the message, or the earlier question that it wants to hear of again (then `wish` is the message).
    `earlier` and `title` are what it may lean on; talk and refused messages are no part of it. `talk` is set where nothing
    is to be researched at all.
    """

    text: str
    earlier: tuple[str, ...]
    title: str | None
    spoken: Spoken
    talk: Remark | None = None
    wish: str = ""


def understand(
    message: str, earlier: Sequence[str], title: str | None, talk: SmallTalk, aside: Callable[[str], bool]
) -> Understood:
    """Read a message in the light of the conversation.

    Args:
        message: what was written.
        earlier: earlier messages of the conversation, the newest first.
        title: the conversation's title.
        talk: what is no question of law.
        aside: whether nothing leans on an earlier message; see `is_aside`.
    """
    kept = tuple([one for one in earlier if not aside(one)])
    named = title if title and not aside(title) else None
    language = spoken(message, earlier)
    said = heard(message, talk)
    if said is None:
        return Understood(message, kept, named, language)
    if said.language:
        language = Spoken(said.language)
    elif earlier:
        language = Spoken(spoken(earlier[0], earlier[1:]).answer)
    if said.remark.again and kept:
        return Understood(kept[0], kept[1:], named, language, wish=message)
    return Understood(message, kept, named, language, talk=said.remark)


def is_aside(message: str, talk: SmallTalk, refusals: Refusals) -> bool:
    """Whether a message is talk or was refused: nothing leans on it."""
    return heard(message, talk) is not None or refusal_of(message, refusals) is not None


def in_the_sources_language(
    context: Context, understood: Understood, glossary: Glossary
) -> tuple[Context, tuple[tuple[str, str], ...]]:
    """What to search for in the language of the sources, and the terms that were translated for it.

    An Indonesian question that leans on an English one keeps its own words; what it carries over is translated.
    """
    if spoken(understood.text, understood.earlier).answer == "en":
        whole = translate(context.search, glossary)
        return replace(context, search=whole.search), whole.terms
    if shows_english(understood.text) and not any(letter.isdigit() for letter in context.search):
        # An English term in an Indonesian sentence ("Apa itu breach of contract?").
        mixed = translate(context.search, glossary)
        return (replace(context, search=mixed.search), mixed.terms) if mixed.terms else (context, ())
    if context.phrase and understood.earlier and spoken(understood.earlier[0]).answer == "en":
        carried = translate(context.phrase, glossary)
        own = context.search.removesuffix(context.phrase)
        return replace(context, search=f"{own}{carried.search}".strip()), carried.terms
    return context, ()
