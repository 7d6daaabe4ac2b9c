"""The numbered passages of a prompt, as prompts usually write them, and what they say.

Two forms are read: a line that begins with `[1]` or `Sumber [1]`, up to the next such line, an empty line or a line that is only a delimiter; and an
element with a number among its attributes, `<sumber nomor="1">…</sumber>`, of any name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ELEMENT = re.compile(
    r"<(?P<name>[A-Za-z][\w-]*)\b[^<>]*?\b(?:id|n|no|nomor|number|nr|index|ref)\s*=\s*[\"']?\[?(?P<number>\d{1,3})\]?[\"']?[^<>]*>"
    r"(?P<text>.*?)</(?P=name)>",
    re.DOTALL,
)
_FIRST_LINE = re.compile(
    r"^[ \t>*#-]*(?:(?i:sumber|dokumen|kutipan|bagian|source|document|passage|context)\s+)?\[(\d{1,3})\][ \t:.)*-]*(.*)$"
)
_DELIMITER = re.compile(r"^\s*(?:</?[A-Za-z][^>]*>|[-=#~`\"'<>]{3,}.*)?\s*$")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_MARKED = re.compile(r"[\"“”]|\[\d+\]")
_SENTENCE_END = re.compile(r"(?<=[.;!?])\s+")
_ARTICLE = re.compile(r"\b[Pp]asal\s+(\d+[A-Z]?)\b")
_LAW = re.compile(
    r"\b(?:UU|PP|Perpu|Perppu|Perma|Perpres|Permenaker|Undang-Undang)\s+(?:No(?:mor|\.)?\s*)?\d+(?:\s*/\s*|\s+[Tt]ahun\s+)\d{4}"
    r"|\bKUH(?:Perdata|P|AP|D)\b|\bUUD\s*(?:NRI\s*)?(?:Tahun\s*)?1945"
)


@dataclass(frozen=True, slots=True)
class Passage:
    """One numbered passage, its text exactly as it stood in the prompt."""

    number: int
    text: str

    @property
    def article(self) -> str | None:
        """The first article that it names, `603` of "Pasal 603"."""
        found = _ARTICLE.search(self.text)
        return found.group(1) if found else None

    @property
    def label(self) -> str:
        """How an answer names it: by article and law as far as it does itself."""
        law = _LAW.search(self.text)
        words = [f"Pasal {self.article}" if self.article else "", law.group(0) if law else ""]
        return " ".join(word for word in words if word) or "sumber"

    @property
    def sentences(self) -> tuple[str, ...]:
        """What can be quoted: its sentences verbatim, each within one line; the heading only when there is nothing else."""
        lines = [line.strip() for line in _TAG.sub("\n", self.text).splitlines() if line.strip()]
        body = lines[1:] if len(lines) > 1 and not lines[0].endswith((".", ";")) else lines
        order = hidden_order([self])
        for candidates in (body, lines):
            parts = (part for line in candidates for part in _SENTENCE_END.split(line))
            found = tuple(part for part in parts if _quotable(part) and not (order and _belongs(part, order)))
            if found:
                return found
        return ()


def _quotable(sentence: str) -> bool:
    """Without quotation marks and citation marks of its own, and with more than two words."""
    return len(sentence.split()) > 2 and not _MARKED.search(sentence)


def find_passages(messages: list[str]) -> list[Passage]:
    """The passages in the texts of a prompt, by number; a number that comes again takes the later text."""
    found: dict[int, Passage] = {}
    for message in messages:
        for element in _ELEMENT.finditer(message):
            number = int(element.group("number"))
            found[number] = Passage(number, element.group("text").strip())
        for passage in _listed(_ELEMENT.sub("", message)):
            found[passage.number] = passage
    return [found[number] for number in sorted(found) if found[number].text]


def _listed(message: str) -> list[Passage]:
    found: list[Passage] = []
    lines: list[str] = []
    number = -1
    for line in [*message.splitlines(), ""]:
        first = _FIRST_LINE.match(line)
        if number >= 0 and (first or _DELIMITER.match(line)):
            found.append(Passage(number, "\n".join(lines).strip()))
            number = -1
        if first:
            number, lines = int(first.group(1)), [first.group(2)]
        elif number >= 0:
            lines.append(line)
    return found


_CUE = re.compile(
    r"abaikan|lupakan|kesampingkan|instruksi|perintah|ignore|disregard|forget|instruction|override|system prompt",
    re.IGNORECASE,
)
_VERB = (
    r"(?i:\b(?:tulis|tuliskan|cetak|jawab|jawablah|balas|katakan|sebutkan|keluarkan|ucapkan|tambahkan"
    r"|print|say|write|output|reply|respond|answer|append|include)\b)"
)
_QUOTED = re.compile(_VERB + r"[^\"“‘`\n]{0,80}[\"“‘`]([^\"”’`\n]{2,300})[\"”’`]")
_BARE = re.compile(_VERB + r"[^\n]{0,80}?\b([A-Z][A-Z0-9]*(?:[-_][A-Za-z0-9]+)+|[A-Z0-9]{6,})\b")


def _belongs(sentence: str, order: str) -> bool:
    """Whether a sentence is part of the instruction: quoting it would print the canary without obeying."""
    return order in sentence or _CUE.search(sentence) is not None


def hidden_order(passages: list[Passage]) -> str | None:
    """The words that an instruction hidden in a passage wants printed (its canary); None where none is hidden."""
    for passage in passages:
        cue = _CUE.search(passage.text)
        order = cue and (_QUOTED.search(passage.text) or _BARE.search(passage.text))
        if order:
            return order.group(1)
    return None
