"""Checks an answer while it streams: a sentence is held back until it is whole, checked, and only then shown.

What is shown is the answer: sentences that no passage carries are withheld, and the reader is told how many. An opening or a heading waits for the
first statement that stands, so that an answer of which nothing stands shows nothing and another writer can begin.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from service.chat.claims import Asked, Idf
from service.chat.evidence import Evidence
from service.chat.figures import find_figures
from service.chat.phrases import FRAMING_WORDS, orders
from service.chat.segments import Segment, SentenceCutter
from service.chat.sources import Source, TermsOf
from service.chat.statements import Guardrail, Outcome, StatementCheck, Verdict
from service.text import fold

OnCheck = Callable[[Guardrail, Outcome], None]
Language = Literal["id", "en"]

_REMARKS = {
    "id": " (tidak sepenuhnya tampak dalam sumber; periksa sendiri)",
    "en": " (not fully visible in the source; please check)",
}
_LEFT_OUT = {
    "id": "({count} kalimat tidak ditampilkan karena tidak terbukti dari sumber.)",
    "en": "({count} sentence(s) left out because the sources do not bear them out.)",
}
_CUT = {
    "id": "(Jawaban terpotong karena mencapai batas panjang.)",
    "en": "(The answer was cut off because it reached the length limit.)",
}
_DIRECTIONS = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\ufeff\uffa0")
_LIKE_BRACKETS = str.maketrans(
    {
        "【": "[",
        "】": "]",
        "［": "[",
        "］": "]",
        "〔": "[",
        "〕": "]",
        "「": "“",
        "」": "”",
        "『": "“",
        "』": "”",
        "＂": '"',
        "‟": '"',
        "″": '"',
        "〝": '"',
        "〞": '"',
        "\r": "",
        "\t": " ",
        "\u00a0": " ",
    }
)
_SUSPECT = re.compile(r"[^\n\x20-\x7e]")
_TOP_DOMAINS = "com|net|org|io|id|xyz|co|ru|me|ly|gl|app|dev|info|biz|site|online|website|top|link|click|shop|store|live|club|page|web|cc|tv|ai|gg|tk|ml|cf|eu"
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,30}://|(?<![\w/])//(?=\w)|www\.|mailto:|javascript:|data:|tel:)[^\s\"”)\]]*|[\w.+-]{1,64}@[\w-]{1,63}\.[\w.]+"
    r"|\b[\w-]{1,63}\.(?:" + _TOP_DOMAINS + r")\b[^\s]*|\b[a-z][\w-]{0,62}\.[a-z]{2,24}/\S*",
    re.IGNORECASE,
)
"""Repetitions are bounded here and below: a run of letters without an end must not be read anew from each of them."""
_MARKUP = re.compile(r"<\s*/?\s*[a-z!][^>]*>?|!\[|\]\(", re.IGNORECASE)
_LOUD = re.compile(r"(?<![\w-])[A-Z]{6,}(?![\w-])")
_CODE = re.compile(
    r"(?<![\w/])(?=[\w-]{0,80}[A-Z0-9_])(?:[A-Za-z0-9]{1,40}(?:[_-][A-Za-z0-9]{1,40}){0,8}_[A-Za-z0-9_]+|(?=[\w-]{0,80}\d)(?=[\w-]{0,80}[A-Za-z])[\w-]{6,}|[A-Z0-9]+(?:[-_][A-Z0-9]+)+|[A-Za-z0-9+/=]{24,})(?![\w/])"
)


_LETTERS_BEYOND = re.compile(r"[^\W_\x00-\x7f]+")


def clean(text: str) -> str:
    """Text without characters that cannot be seen, and with one form of brackets; letter by letter, so pieces clean as the whole does."""
    return _SUSPECT.sub(_seen, text)


def _seen(match: re.Match[str]) -> str:
    letter = match[0].translate(_LIKE_BRACKETS)
    return "" if _unseen(letter) else letter


def _unseen(letter: str) -> bool:
    return not letter or letter in _DIRECTIONS or unicodedata.category(letter) in {"Cc", "Cf", "Co", "Cs", "Cn"}


@dataclass(slots=True)
class Counts:
    """How many sentences ended in which way; `stated` are those that said something of law and were shown."""

    kept: int = 0
    repaired: int = 0
    marked: int = 0
    withheld: int = 0
    stated: int = 0


class AnswerCheck:
    """Checks the text of one answer. `feed` and `finish` return what may be shown, in order."""

    def __init__(
        self,
        evidence: Sequence[Evidence],
        question: str,
        terms_of: TermsOf,
        idf: Idf,
        *,
        language: Language = "id",
        forbidden: Sequence[str] = (),
        on_check: OnCheck = lambda _guardrail, _outcome: None,
    ) -> None:
        sources = [Source(item, terms_of) for item in evidence]
        asked = Asked(question, frozenset(terms_of(question)), find_figures(question))
        framing = frozenset(terms_of(" ".join(FRAMING_WORDS)))
        self._statements = StatementCheck(sources, asked, terms_of, idf, framing, english=language == "en")
        self._known = fold(
            " \n ".join((question, *(part for source in sources for part in (*source.parts, source.about))))
        )
        self._banned = tuple(
            fold(text) for text in (*forbidden, *(o for source in sources for o in source.orders)) if text
        )
        self._terms_of, self._idf = terms_of, idf
        self._language: Language = language
        self._on_check = on_check
        self._cutter = SentenceCutter()
        self._waiting: list[tuple[str, str]] = []
        self._gap = ""
        self._shown = False
        self.counts = Counts()

    @property
    def shown(self) -> bool:
        """Whether anything was given out to be shown."""
        return self._shown

    def feed(self, text: str) -> list[str]:
        """What may be shown once this much more of the answer has come."""
        return [piece for segment in self._cutter.feed(clean(text)) for piece in self._take(segment)]

    def finish(self, *, cut: bool = False) -> list[str]:
        """The rest, and what the reader must know: sentences left out, an answer that was cut off for its length."""
        segments = self._cutter.finish()
        if cut and segments and not segments[-1].body.endswith((".", "!", "?", "]", ":", "”", '"')):
            segments.pop()
        pieces = [piece for segment in segments for piece in self._take(segment)]
        if not self._shown and not self.counts.withheld:
            pieces += self._release()
        if self._shown:
            notes = [_LEFT_OUT[self._language].format(count=self.counts.withheld)] if self.counts.withheld else []
            notes += [_CUT[self._language]] if cut else []
            pieces += [f"\n\n{' '.join(notes)}"] if notes else []
        return pieces

    def _take(self, segment: Segment) -> list[str]:
        # Who talks on without an end is not weighed piece by piece: half a quotation looks like none.
        verdict = self._verdict(segment.body) if segment.whole else Verdict("", "withheld", "support")
        self._on_check(verdict.guardrail, verdict.outcome)
        setattr(self.counts, verdict.outcome, getattr(self.counts, verdict.outcome) + 1)
        gap, self._gap = _wider(self._gap, segment.gap), ""
        if verdict.outcome == "withheld":
            self._gap = gap
            return []
        text = _remarked(verdict.text, _REMARKS[self._language]) if verdict.outcome == "marked" else verdict.text
        self._waiting.append((gap, text))
        self.counts.stated += verdict.states
        # What only frames is shown beside something that stands.
        return self._release() if verdict.states or self._shown else []

    def _release(self) -> list[str]:
        pieces = [(gap if place or self._shown else "") + text for place, (gap, text) in enumerate(self._waiting)]
        self._waiting.clear()
        self._shown = self._shown or bool(pieces)
        return pieces

    def _verdict(self, sentence: str) -> Verdict:
        folded = fold(sentence)
        if any(text in folded for text in self._banned) or _MARKUP.search(sentence) or orders(sentence):
            return Verdict("", "withheld", "instruction")
        strange = (*_ADDRESS.findall(sentence), *_CODE.findall(sentence))
        strange += tuple(word for word in _LOUD.findall(sentence) if self._unknown(word))
        # Words of another script are no words to any check below: what no source holds of them was never weighed.
        strange += tuple(_LETTERS_BEYOND.findall(folded))
        if any(fold(found) not in self._known for found in strange):
            return Verdict("", "withheld", "instruction")
        return self._statements.check(sentence)

    def _unknown(self, word: str) -> bool:
        """Whether a word stands neither in the corpus nor among the words that frame."""
        return fold(word) not in FRAMING_WORDS and all(self._idf(t) >= self._idf("\0") for t in self._terms_of(word))


def _wider(one: str, other: str) -> str:
    """Of two gaps the one with more line breaks: a sentence left out must not glue lines together."""
    return one if one.count("\n") > other.count("\n") else other


def _remarked(text: str, remark: str) -> str:
    end = len(text.rstrip(".!?"))
    return f"{text[:end]}{remark}{text[end:]}"
