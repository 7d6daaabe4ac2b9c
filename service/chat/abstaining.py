"""Why no answer is given, and what is said instead; it never says that a rule does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten

from service.chat.domain import Domain
from service.chat.guard import RefusalReason
from service.chat.language import Language
from service.retrieval.document import Document
from service.retrieval.laws import NAMED_LAWS
from service.retrieval.router import Unresolved, find_laws
from service.text import beginnings, fold, found_from, said, words

_LONGEST_ECHO = 160
_LAW_BY_NAME = re.compile(
    r"\b(?:UU|[Uu]ndang-?[Uu]ndang|PP|Perpres|Permen\w*|Perppu|Peraturan (?:Pemerintah|Presiden|Menteri\w*|Daerah)|POJK|Perda|Qanun)"
    r"((?:\s+(?:(?:tentang|dan|di|atas|untuk|RI|Republik|No\.?|Nomor)\s+){0,3}[A-Z][\w\-]*){1,8})"
)
"""A law that is called by a title: the words with capitals after its kind."""
_KINDS_BEGIN = beginnings(("UU", "Undang", "undang", "PP", "Per", "POJK", "Qanun"))
"""Where a kind may begin."""
_NO_PART_OF_A_NAME = frozenset(
    [
        "tentang",
        "dan",
        "di",
        "atas",
        "untuk",
        "ri",
        "republik",
        "indonesia",
        "no",
        "nomor",
        "tahun",
        "pasal",
        "ayat",
        "baru",
        "lama",
        "nasional",
    ]
)
_SAID: Mapping[Language, Mapping[str, str]] = {
    "id": {
        "out_of_domain": "Layanan ini hanya menjawab pertanyaan tentang hukum Indonesia, dan pertanyaan “{asked}” tampaknya di luar bidang itu.",
        "law_not_in_corpus": "Peraturan yang disebut dalam pertanyaan “{asked}”{named} tidak ditemukan dalam sumber layanan ini, sehingga isinya tidak"
        " dapat dikutip. Itu tidak berarti peraturan itu tidak ada: periksa nama, nomor, dan tahunnya pada sumber resmi.",
        "article_not_in_law": "Pasal yang disebut dalam pertanyaan “{asked}”{named} tidak ditemukan pada peraturan itu dalam sumber layanan ini, sehingga"
        " isinya tidak dapat dikutip. Itu tidak berarti pasalnya tidak ada: periksa nomornya pada naskah resmi.",
        "no_evidence": "Sumber yang tersedia di layanan ini tidak cukup untuk menjawab pertanyaan “{asked}” secara bertanggung jawab."
        " Itu tidak berarti aturannya tidak ada: mungkin aturan itu hanya belum termasuk dalam korpus kami, atau pertanyaannya"
        " perlu dirumuskan dengan cara lain.",
        "nearest": " Yang paling dekat di korpus adalah: {}. Sumber itu tidak dipakai sebagai jawaban.",
        "left out: law_not_in_corpus": "Tidak ditemukan dalam sumber layanan ini dan karena itu tidak dibahas: {named} (peraturannya). Itu tidak berarti peraturan itu tidak ada; periksa sumber resmi.",
        "left out: article_not_in_law": "Tidak ditemukan dalam sumber layanan ini dan karena itu tidak dibahas: {named} (pasalnya). Itu tidak berarti pasal itu tidak ada; periksa naskah resmi.",
        "close": " Cobalah menyebut peraturan, pasal, atau istilah hukumnya, atau bertanyalah kepada pos bantuan hukum.",
    },
    "en": {
        "out_of_domain": "This service answers questions about Indonesian law only, and “{asked}” seems to lie outside that field.",
        "law_not_in_corpus": "The law named in “{asked}”{named} was not found in the sources of this service, so its content cannot be quoted. That does"
        " not mean that there is no such law: check its name, number and year in an official source.",
        "article_not_in_law": "The article named in “{asked}”{named} was not found under that law in the sources of this service, so its content cannot be"
        " quoted. That does not mean that there is no such article: check its number in the official text.",
        "no_evidence": "The sources of this service are not enough to answer “{asked}” responsibly. That does not mean that there is no rule:"
        " it may only be missing from our corpus, or the question may need other words.",
        "nearest": " The closest in the corpus: {}. These sources are not used as an answer.",
        "left out: law_not_in_corpus": "Not found in the sources of this service and therefore left out: {named} (the law). That does not mean that there is no such law; check an official source.",
        "left out: article_not_in_law": "Not found in the sources of this service and therefore left out: {named} (the article). That does not mean that there is no such article; check the official text.",
        "close": " Try naming the law, the article or the legal term, or ask a legal aid office.",
    },
}


def unknown_names(question: str, found: Iterable[Document]) -> tuple[str, ...]:
    """Laws that a question calls by a title which no document found for it bears.

    "UU Ekonomi Metaverse" is unknown unless a document that was found belongs to a law with these words in its title; a search
    by the title would have brought its articles.
    """
    called = list(found_from(_KINDS_BEGIN, _LAW_BY_NAME, question))
    if not called:
        return ()
    titles = [frozenset(words(f"{one.law or ''} {one.law_title or ''} {one.title}")) for one in found]
    unknown: dict[str, None] = {}
    for match in called:
        name = [word for word in words(match[1]) if word not in _NO_PART_OF_A_NAME and not word.isdigit()]
        if not name or _has_alias(match[0]):
            continue
        if not any(title.issuperset(name) or _initials(name, title) for title in titles):
            unknown[match[0].strip()] = None
    return tuple(unknown)


def _has_alias(written: str) -> bool:
    return any(fold(written).startswith(alias) for alias in NAMED_LAWS)


def _initials(name: Sequence[str], title: frozenset[str]) -> bool:
    """Whether a name of one short word may be made of a title's first letters: "TPPU" of "Tindak Pidana Pencucian Uang"."""
    return len(name) == 1 and len(name[0]) <= 5 and set(name[0]) <= {word[0] for word in title if word}


def left_out(unknown: Sequence[str], unresolved: Sequence[Unresolved], language: Language) -> tuple[str, ...]:
    """What an answer must say of the laws and articles that the question names and the sources lack, one sentence for each reason.

    Args:
        unknown: laws called by a title that was not found.
        unresolved: what the question cites and the corpus does not state.
        language: that of the reader.
    """
    named: dict[str, list[str]] = {"law_not_in_corpus": list(unknown), "article_not_in_law": []}
    for one in unresolved:
        if not any(one.label.lower() in known.lower() for known in unknown):
            named[one.reason].append(one.label)
    said = _SAID[language]
    return tuple(said[f"left out: {reason}"].format(named=", ".join(ones)) for reason, ones in named.items() if ones)


def without(search: str, missing: Iterable[str]) -> str:
    """A search without the names of what was not found."""
    for name in missing:
        search = re.sub(re.escape(name), " ", search, flags=re.IGNORECASE)
    return " ".join(search.split())


def reason_of(
    question: str, domain: Domain, unknown: Sequence[str], unresolved: Sequence[Unresolved], *, near: bool = False
) -> RefusalReason:
    """Why an answer was withheld.

    Args:
        question: what was asked.
        domain: the words of law and of other fields.
        unknown: laws called by a title that was not found.
        unresolved: what the question cites and the corpus does not state.
        near: whether sources come near the question: only a word of another field then makes it one of another field.
    """
    if unknown:
        return "law_not_in_corpus"
    if unresolved:
        return unresolved[0].reason
    asked = said(question)
    if find_laws(question) or domain.is_legal(asked) or (near and not domain.is_foreign(asked)):
        return "no_evidence"
    return "out_of_domain"


def abstention(
    question: str, reason: RefusalReason, nearest: Sequence[str], named: Sequence[str] = (), language: Language = "id"
) -> str:
    """An honest answer when the sources do not carry one.

    Args:
        question: what was asked; it is echoed, cut where it is long.
        reason: why no answer is given.
        nearest: titles of the closest sources.
        named: the laws or articles that were not found.
        language: that of the reader.
    """
    said = _SAID[language]
    asked = shorten(" ".join(question.split()), _LONGEST_ECHO, placeholder=" …")
    shown = f" ({', '.join(named)})" if named else ""
    text = said[reason].format(asked=asked, named=shown)
    if nearest and reason != "out_of_domain":
        text += said["nearest"].format("; ".join(nearest))
    return text + said["close"]
