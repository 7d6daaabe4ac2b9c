"""Terms that a law defines ("1. Data Pribadi adalah …"), and terms whose meaning a question asks for ("Apa itu data pribadi?").

Both become one key, so that a definition is found by what it defines and not by how often a word stands in it.
"""

from __future__ import annotations

import re

from service.text import words

_OPENING = re.compile(r"yang\s+di\s?maksud(?:kan)?\s+dengan\s*:", re.IGNORECASE)
_NEAR = 700
"""Within so many characters of its start an article says that definitions follow: an amending article quotes a law's name first."""
_MARKER = re.compile(
    r"\s*(?:Pasal\s+\d+[A-Z]*\s+)?(?:.{0,160}?yang\s+di\s?maksud(?:kan)?\s+dengan\s*:?\s*)?(?:\(?\d{1,3}[a-z]?\s?[.)]\s*)?",
    re.IGNORECASE | re.DOTALL,
)
_IS = re.compile(r"\s+(?:adalah|ialah|adaIah|adatah)\b|\s*,\s*adalah\b")
_HEAD = 260
"""Longer runs before "adalah" are sentences and no term."""
_ALSO = re.compile(
    r"[,(]?\s*(?:yang\s+|untuk\s+)?(?:untuk\s+)?(?:se\s?lanjutnya|se\s?lanjutnya\s+dalam\s+[\w\s-]+?ini|kemudian)\s+(?:yang\s+)?"
    r"(?:di\s?sebut|di\s?singkat|di\s?sebutkan)(?:\s+(?:dengan|sebagai|juga|menjadi))?\s+|[,(]?\s*atau\s+(?:yang\s+)?(?:di\s?sebut|disebut)\s+"
    r"(?:dengan\s+)?(?:nama\s+lain|sebutan\s+lain|juga)?\s*"
)
_PARENTHESIS = re.compile(r"\(([^()]{2,80})\)")
_QUOTES = "\"'“”‘’`.,:;?! \n\t"
_SENTENCE = re.compile(
    r"\A(?:Dalam|Jika|Apabila|Bila|Setiap|Pada|Untuk|Yang|Barang)\b|\b(?:bahwa|wajib|dapat|dilarang)\b"
)
"""Words that stand in sentences and in no term."""
_LONGEST_TERM = 14
"""Words of a term; longer heads are sentences."""
_ASKS = re.compile(
    r"(?:apa(?:kah)?\s+(?:(?:saja\s+)?yang\s+)?(?:di\s?maksud(?:kan)?|disebut)(?:\s+(?:dengan|sebagai|oleh|dgn))?"
    r"|apa(?:kah)?\s+(?:itu|sih|arti|artinya|makna|maksud|maksudnya|pengertian|definisi|arti\s+dari)(?:\s+itu)?"
    r"|(?:jelaskan|sebutkan|berikan|jabarkan|uraikan|tolong\s+jelaskan|bagaimana)\s+(?:tentang\s+)?(?:pengertian|definisi|arti|makna|maksud|apa\s+itu|yang\s+dimaksud\s+dengan)"
    r"|(?:pengertian|definisi|arti|makna|maksud)|yang\s+di\s?maksud\s+dengan)"
    r"(?:\s+(?:dari|daripada|tentang|istilah|asas|kata|hukum(?=\s+[\"'“])))*\s+(?P<term>.+)",
    re.IGNORECASE | re.DOTALL,
)
_ASKED_BEHIND = re.compile(
    r"(?P<term>.+?)\s+(?:itu\s+apa(?:\s+sih|\s+ya|\s+artinya)?|artinya\s+apa|adalah\s+apa|apa\s+artinya|maksudnya\s+apa|apa\s+maksudnya)\W*\Z",
    re.IGNORECASE | re.DOTALL,
)
_WHAT_IS = re.compile(r"apa(?:kah)?(?:\s+saja)?(?:\s+yang)?\s+(?:itu|sih|disebut)|(?:itu|adalah)\s+apa")
"""Where a question asks with "apa" and without a word such as "arti" or "maksud", it holds this."""
_TAIL = re.compile(
    r"\s*[,(]?\s*(?:menurut|dalam|berdasarkan|pada|di\s+dalam|sesuai|di\s+mata|di\s+indonesia|dan\s+(?:apa|bagaimana|siapa)|serta|itu|sih|ya|tersebut|secara)\b.*\Z",
    re.IGNORECASE | re.DOTALL,
)
_SPELLINGS = {"perlindungan": "pelindungan", "otda": "otonomidaerah"}


def opens_definitions(text: str) -> bool:
    """Whether an article begins by saying that definitions follow."""
    return _OPENING.search(text, 0, _NEAR) is not None


def defined_terms(text: str, *, listed: bool) -> tuple[str, ...]:
    """The terms that a passage defines, its abbreviations and short names too; `listed` when it is an item among definitions.

    Outside a list only a passage that begins with the term counts, and only a short one: "Anak adalah seseorang yang …".
    """
    marker = _MARKER.match(text)
    body = text[marker.end() :] if marker else text
    found = _IS.search(body, 0, _HEAD)
    if found is None:
        return ()
    head = body[: found.start()]
    if not listed and (len(head.split()) > _LONGEST_TERM // 2 or not head[:1].isupper() or _SENTENCE.search(head)):
        return ()
    terms: dict[str, None] = {}
    for name in _ALSO.split(head):
        terms.update(dict.fromkeys(_spellings(name)))
    return tuple(terms)


def asked_terms(question: str) -> tuple[str, ...]:
    """The terms whose meaning a question asks for: as asked, and without what stands behind ("menurut UU …", "dalam …")."""
    # To look for all forms from every place on costs more than all the rest of reading a question.
    if not _may_ask(question):
        return ()
    behind = _ASKED_BEHIND.match(question) if "apa" in question.lower() else None
    match = behind or _ASKS.search(question)
    if match is None:
        return ()
    term = match["term"]
    terms: dict[str, None] = {}
    for variant in (term, _TAIL.sub("", term)):
        terms.update(dict.fromkeys(_spellings(variant)))
    return tuple(terms)


def _may_ask(question: str) -> bool:
    """Whether any form that asks for a meaning may be there: each holds one of a few words, or "apa" beside one of a few others."""
    if not question.isascii():
        # Letters of other scripts may stand for those of the patterns, which know no case.
        return True
    lower = question.lower()
    return (
        ("apa" in lower and _WHAT_IS.search(lower) is not None)
        or "maksud" in lower
        or "arti" in lower
        or "pengertian" in lower
        or "definisi" in lower
        or "makna" in lower
    )


def definition_key(term: str) -> str:
    """One search term for a defined one: letters and digits alone, because scans and people put spaces and hyphens anywhere.

    Empty when the term has none.
    """
    key = "".join(_SPELLINGS.get(word, word) for word in words(term))
    return f"={key}" if key else ""


def _spellings(name: str) -> list[str]:
    """A name without quotation marks, with and without what stands in parentheses, and that by itself."""
    plain = name.strip(_QUOTES)
    found = [plain, *_PARENTHESIS.findall(plain), _PARENTHESIS.sub(" ", plain).strip(_QUOTES)]
    return [one for one in dict.fromkeys(found) if 0 < len(one.split()) <= _LONGEST_TERM]
