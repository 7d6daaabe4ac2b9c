"""An article without its law ("Pasal 604?") belongs to the law of the article that the conversation cited last.

So does one that is named by its place: "Pasal sebelumnya?" after article 603 asks for 602 of the same law. An article of a
contract ("pasal 5 kontrak saya") is none of a law and takes none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.retrieval.citing import find_citations, find_laws, last_law, plain, written_articles
from service.retrieval.naming import find_named
from service.text import fold

_OF_A_CONTRACT = re.compile(
    r"\b(?:pasal|psl|ps|article)\.? ?\d{1,4}[a-z]?(?: ?ayat ?\(?\d{1,2}\)?)? ?(?:dari|dalam|pada|di|of|in)? ?(?:the |my |our )?"
    r"(?:perjanjian|kontrak|akta|akad|anggaran|ad/art|polis|statuta|konvensi|contract|agreement|policy|treaty|deed)\b"
)
_PLACED = re.compile(
    r"(?:(?:apa|bagaimana|gimana|lalu|terus|dan|kalau|kalo|jelaskan|isi|bunyi|isinya|dengan|tentang|soal|what|about|and|is|how|the)\W+){0,4}"
    r"(?:pasal (?:yang )?(?:(?P<before>sebelumnya|sebelum itu)|(?:berikutnya|selanjutnya|setelahnya|sesudahnya|setelah itu|sesudah itu))"
    r"|(?:(?P<preceding>previous|preceding)|next|following) article)\W*"
)
_OPENINGS = ("pasa", "ps", "art")
"""How every word for an article begins, a misread one too ("pasa1"): to look for these costs a tenth of looking for articles."""
_NUMBER = re.compile(r"\d{1,4}")


@dataclass(frozen=True, slots=True)
class Cited:
    """An article (empty where only a law was named) and its law; the article in the spelling of citations, the law as it was written."""

    article: str
    law: str

    def __str__(self) -> str:
        return f"{self.article} {self.law}".strip()


def meant_articles(question: str, said: Sequence[str], cited: Callable[[str], str] = str) -> tuple[Cited, ...]:
    """The articles that a question names without their law, with the law that the conversation gives them; nothing where it gives none.

    Args:
        question: what is asked now.
        said: earlier questions, the newest first.
        cited: a text with its citations as the sources spell them; it is asked for earlier questions only where they say which law is meant.
    """
    placed = _placed(question)
    if not (placed or _is_bare(question)):
        return ()
    last = _last(list(map(cited, said)))
    if last is None:
        return ()
    if placed:
        return tuple(filter(None, [_beside(last, placed)]))
    return tuple(Cited(article, last.law) for article in written_articles(question))


def _is_bare(question: str) -> bool:
    read = plain(question)
    return (
        any(map(read.__contains__, _OPENINGS))
        and bool(written_articles(question))
        and not find_laws(question)
        and not find_named(question)
        and not _OF_A_CONTRACT.search(fold(question))
    )


def _last(said: Sequence[str]) -> Cited | None:
    """What was cited last, read from the oldest question on: each may build upon the one before it."""
    last: Cited | None = None
    for text in reversed(said):
        last = _after(text, last) or last
    return last


def _after(text: str, last: Cited | None) -> Cited | None:
    if law := last_law(text):
        cited = find_citations(text)
        return Cited(f"pasal {cited[-1].article}" if cited else "", _as_written(law, text))
    if last is None:
        return None
    if placed := _placed(text):
        return _beside(last, placed)
    return Cited(written_articles(text)[-1], last.law) if _is_bare(text) else None


def _as_written(law: str, text: str) -> str:
    """The law in the text's own letters, where it stands there in this spelling: a step shows it to the reader."""
    found = re.search(re.escape(law), text, re.IGNORECASE)
    return found[0] if found else law


def _placed(question: str) -> int:
    """How many articles further than the last one a question asks for: -1, 1, or 0 when it names no place."""
    folded = fold(question)
    found = _PLACED.fullmatch(folded.strip()) if "pasal" in folded or "article" in folded else None
    if not found:
        return 0
    return -1 if found["before"] or found["preceding"] else 1


def _beside(last: Cited, places: int) -> Cited | None:
    """The article so many places further; none beside one without a number, or before the first."""
    number = _NUMBER.search(last.article)
    wanted = int(number[0]) + places if number else 0
    return Cited(f"pasal {wanted}", last.law) if wanted > 0 else None
