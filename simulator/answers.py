"""What the simulated provider says: grounded, scripted, filler, and wrong in the fluent ways that a check must catch.

Pure: an answer depends on the prompt, the mode, the wanted length and the draws.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

from simulator.draws import Draws
from simulator.passages import Passage, find_passages, hidden_order
from simulator.profile import Mode
from simulator.scripts import Script
from simulator.wording import closing, count_tokens, tokens_of

_NOTHING = "Sumber yang diberikan tidak memuat jawaban atas pertanyaan ini."
_LEAST_QUOTED = 4  # words; a shorter piece of a sentence is no quotation
_FILLER = "keterangan ini hanya mengisi panjang jawaban dan tidak menyatakan apa pun tentang hukum"
# Words that may stand for one another without breaking a sentence, though they turn what it says; both ways.
_PAIRS = (
    *(
        ("wajib", "boleh"),
        ("dilarang", "dibolehkan"),
        ("dapat", "harus"),
        ("berhak", "berkewajiban"),
        ("tidak", "selalu"),
    ),
    *(("tanpa", "dengan"), ("sebelum", "sesudah"), ("lama", "singkat"), ("banyak", "sedikit"), ("tahun", "bulan")),
    *(("dan", "atau"), ("setiap", "sebagian"), ("semua", "beberapa"), ("sah", "batal"), ("pidana", "perdata")),
    *(
        ("dua", "tiga"),
        ("empat", "lima"),
        ("enam", "tujuh"),
        ("delapan", "sembilan"),
        ("puluh", "belas"),
        ("juta", "miliar"),
    ),
    *(
        ("suami", "istri"),
        ("pekerja", "pengusaha"),
        ("penggugat", "tergugat"),
        ("pemilik", "penyewa"),
        ("hakim", "jaksa"),
    ),
)
_TURNED = {word: other for one, two in _PAIRS for word, other in ((one, two), (two, one))}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a request asks: the texts of its system and user messages, and the last user message."""

    texts: list[str]
    question: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A text in tokens, what it was made as, and what is wrong with it.

    `mode` is what came out: a prompt without an order to obey gets a grounded answer though it was to obey. `wrong` says what was
    changed, so that a check's catch rate can be counted against the truth.
    """

    tokens: list[str]
    mode: Mode
    wrong: dict[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.tokens)

    def cut(self, most: int | None) -> Answer:
        """At most so many tokens; one that loses some ends for its length."""
        if most is None or len(self.tokens) <= most:
            return self
        return replace(self, tokens=self.tokens[:most], finish_reason="length")

    def until(self, stops: tuple[str, ...]) -> Answer:
        """Up to the first of the stop sequences, without it."""
        places = [place for place in (self.text.find(stop) for stop in stops if stop) if place >= 0]
        return replace(self, tokens=tokens_of(self.text[: min(places)])) if places else self


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer: what it names, what it says in the source's words, and the mark at its end."""

    label: str
    words: str
    mark: int
    quoted: bool = True

    def __str__(self) -> str:
        said = f'"{self.words}"' if self.quoted else self.words
        return f"Menurut {self.label}, {said} [{self.mark}]."

    def with_words(self, most: int) -> Claim:
        """With at most so many of its words, still verbatim."""
        return replace(self, words="".join(tokens_of(self.words)[:most]).strip())


def compose(mode: Mode, prompt: Prompt, count: int, script: Script | None, draws: Draws) -> Answer:
    """An answer of exactly `count` tokens where the mode has enough to say, else shorter.

    Scripted texts and obeyed orders are as long as they are. Without passages in the prompt a grounded answer says that there is nothing.
    """
    if mode is Mode.FILLER:
        return Answer(tokens_of(" ".join(islice(cycle(_FILLER.split()), count))), mode)
    if mode is Mode.SCRIPTED and script is not None:
        return Answer(tokens_of(script.text_for(prompt.question)), mode)
    passages = find_passages(prompt.texts)
    if mode is Mode.OBEYS_INJECTION:
        order = hidden_order(passages)
        if order is not None:
            # The rest is as good as ever: what is wrong hides in an answer that looks right.
            left = max(0, count - count_tokens(order))
            rest = "".join(_joined(_claims(passages, left), left))
            return Answer(tokens_of(f"{order} {rest}".strip()), mode, {"canary": order})
    claims = _claims(passages, count)
    if not claims and not any(passage.sentences for passage in passages):
        return Answer(tokens_of(_NOTHING), Mode.GROUNDED)
    change = _WRONG.get(mode)
    changed = change(claims, passages, draws) if change and claims else None
    if changed is None:
        return Answer(_joined(claims, count), Mode.GROUNDED)
    return Answer(_joined(changed[0], count), mode, changed[1])


def _claims(passages: list[Passage], count: int) -> list[Claim]:
    """Passages in turn, their sentences in order and over again, until the length is reached."""
    found: list[Claim] = []
    left = count
    sources = [(passage.label, passage.number, said) for passage in passages if (said := passage.sentences)]
    for turn in range(count if sources else 0):
        label, number, sentences = sources[turn % len(sources)]
        claim = Claim(label, sentences[turn // len(sources) % len(sentences)], number)
        around = count_tokens(str(claim)) - count_tokens(claim.words)
        if left - around < min(_LEAST_QUOTED, count_tokens(claim.words)):
            break
        claim = claim.with_words(left - around)
        found.append(claim)
        left -= around + count_tokens(claim.words)
    return found


def _joined(claims: list[Claim], count: int) -> list[str]:
    text = " ".join(map(str, claims))
    return tokens_of(f"{text} {closing(count - count_tokens(text))}".strip())


_Change = Callable[[list[Claim], list[Passage], Draws], tuple[list[Claim], dict[str, str]] | None]


def _wrong_article(
    claims: list[Claim], passages: list[Passage], draws: Draws
) -> tuple[list[Claim], dict[str, str]] | None:
    """A claim names an article that no passage names."""
    named = [place for place, claim in enumerate(claims) if claim.label.startswith("Pasal ")]
    if not named:
        return None
    place = named[draws.below(len(named))]
    right = claims[place].label.split()[1]
    everything = " ".join(passage.text for passage in passages).split()
    number = int("".join(letter for letter in right if letter.isdigit())) + 1 + draws.below(9)
    while any(str(number) == word.strip(".,;:()") for word in everything):
        number += 1
    label = claims[place].label.replace(right, str(number), 1)
    return _exchanged(claims, place, replace(claims[place], label=label)), {"right": right, "wrong": str(number)}


def _altered_quotation(
    claims: list[Claim], passages: list[Passage], draws: Draws
) -> tuple[list[Claim], dict[str, str]] | None:
    """One word of one quotation is another one, so that no passage holds the quotation any more."""
    start = draws.below(len(claims))
    places = [*range(start, len(claims)), *range(start)]
    sources = [" ".join(passage.text.split()) for passage in passages]
    # Claims with a word that turns the meaning come first; where there is none, a word gives way to a negation.
    for turn in (_turned, lambda word: "tidak" if word.lower() != "tidak" else "selalu"):
        for place in places:
            words = claims[place].words
            for found in sorted(_WORD.finditer(words), key=lambda one: -len(one.group())):
                other = turn(found.group())
                altered = words[: found.start()] + str(other) + words[found.end() :]
                if other is not None and not any(" ".join(altered.split()) in source for source in sources):
                    changed = _exchanged(claims, place, replace(claims[place], words=altered))
                    return changed, {"right": found.group(), "wrong": other}
    return None


def _turned(word: str) -> str | None:
    """The word that turns a sentence around, written as large as the one that it replaces."""
    other = _TURNED.get(word.lower())
    return other.capitalize() if other is not None and word[0].isupper() else other


def _misplaced_citation(
    claims: list[Claim], passages: list[Passage], draws: Draws
) -> tuple[list[Claim], dict[str, str]] | None:
    """What one passage says stands, without quotation marks, under the name and mark of another one that does not say it."""
    start = draws.below(len(claims))
    for place in [*range(start, len(claims)), *range(start)]:
        claim = claims[place]
        others = [p for p in passages if p.number != claim.mark and claim.words not in p.text]
        if others:
            other = others[draws.below(len(others))]
            swapped = replace(claim, label=other.label, mark=other.number, quoted=False)
            return _exchanged(claims, place, swapped), {"right": f"[{claim.mark}]", "wrong": f"[{other.number}]"}
    return None


def _exchanged(claims: list[Claim], place: int, claim: Claim) -> list[Claim]:
    return [*claims[:place], claim, *claims[place + 1 :]]


_WRONG: dict[Mode, _Change] = {
    Mode.WRONG_ARTICLE: _wrong_article,
    Mode.ALTERED_QUOTATION: _altered_quotation,
    Mode.MISPLACED_CITATION: _misplaced_citation,
}
