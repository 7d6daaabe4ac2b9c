"""Cuts a text that is still coming into whole sentences and list lines, the same ones however it is chopped up on its way.

A sentence ends at ".", "!" or "?" (with the closing quotation marks and citation marks after it) before white space, not after "No." and the
like and not inside a quotation; every line break ends one too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 1_600
"""Characters after which a sentence is cut at a space: nothing unending is held back. Its pieces are not `whole`."""
_LONGEST_ABBREVIATION = 12
_CLOSING = re.compile(r"[”»\"]")
_END = re.compile(r"[.!?…]+[\"”»’)*_\]]*(?:\s?\[[^\[\]\n]{1,24}\])*[.\"”»’*_]*")
_ABBREVIATION = re.compile(
    r"(?:(?:^|[\s(\"“])(?:No|Nomor|jo|Rp|hlm|hal|dll|dsb|dst|Tbk|dr|Dr|Prof|cq|ps|psl|Ps|Psl|art|Art|vs|St|Mr|Mrs|e\.g|i\.e|s\.d|a\.n|[A-Z])\.|(?:^|\n)\s*\d{1,3}\.)$"
)
_MARK_BEGINS = re.compile(r"\[[^\[\]\n]{0,24}$")


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or a line, and the white space before it. `whole` is false for the pieces of one that is longer than LONGEST."""

    gap: str
    body: str
    whole: bool = True


class SentenceCutter:
    """Takes pieces of a text and gives back the segments that are certain; `finish` gives the rest."""

    def __init__(self) -> None:
        self._held = ""
        self._overlong = False
        self._quoting = False

    def feed(self, text: str) -> list[Segment]:
        """The segments that the text so far completes."""
        self._held += text
        found: list[Segment] = []
        while (end := self._next_end()) is not None:
            place, cut = end
            piece, self._held = self._held[:place], self._held[place:]
            found.append(_segment(piece, whole=not (cut or self._overlong)))
            self._went_on(piece, cut)
        return found

    def finish(self) -> list[Segment]:
        """What is left when no more text comes. It may be an unfinished sentence."""
        found = self.feed("\n")
        rest, self._held = self._held, ""
        if rest.strip():
            found.append(_segment(rest, whole=not self._overlong))
        return found

    def _went_on(self, piece: str, cut: bool) -> None:
        """Note whether what comes next still belongs to a sentence that is too long: at least to the end of its quotation."""
        if cut:
            self._quoting = self._quoting or _inside_quotation(piece)
            self._overlong = True
        elif self._overlong and (not self._quoting or _CLOSING.search(piece) or self._held.startswith("\n")):
            self._overlong = self._quoting = False

    def _next_end(self) -> tuple[int, bool] | None:
        """Where the first sentence of the held text ends, and whether it is cut there for its length; None while that depends on text still to come."""
        held = self._held
        start = len(held) - len(held.lstrip())
        limit = start + LONGEST
        line = held.find("\n", start)
        horizon = len(held) if line < 0 else line
        for match in _END.finditer(held, start, min(horizon, limit)):
            verdict = _ends(held, start, match.start(), match.end(), horizon, line >= 0)
            if verdict is None:
                break
            if verdict:
                return match.end(), False
        if 0 <= line <= limit:
            return line, False
        if len(held) > limit:
            space = held.rfind(" ", start + 1, limit)
            return space if space > start else limit, True
        return None


def _ends(held: str, start: int, dot: int, end: int, horizon: int, closed: bool) -> bool | None:
    """Whether a sentence ends here; None when the text that would tell has not come yet."""
    rest = held[end:horizon]
    ahead = rest.lstrip()
    if not ahead or (ahead[0] == "[" and _MARK_BEGINS.match(ahead)):
        # At the end of a closed line the line break decides.
        return False if closed else None
    if ahead[0] == "[" and rest[:1] in {" ", "\t"} and len(rest) - len(ahead) > 1:
        return False
    if rest == ahead or ahead[0] in "[)”»":
        return False
    if held[dot] == "." and _abbreviated(held[start : dot + 1]):
        return False
    return not _inside_quotation(held[start:end])


def _abbreviated(text: str) -> bool:
    # Looked for at the end alone: a text of nothing but abbreviations is looked at once for each of them.
    return _ABBREVIATION.search(text, max(0, len(text) - _LONGEST_ABBREVIATION)) is not None


def _inside_quotation(text: str) -> bool:
    return text.count("“") > text.count("”") or text.count("«") > text.count("»") or text.count('"') % 2 == 1


def _segment(text: str, *, whole: bool) -> Segment:
    body = text.lstrip()
    return Segment(text[: len(text) - len(body)], body.rstrip(), whole)
