"""Reads from a question which law it means: that of a day ("menurut hukum yang berlaku tahun 2015"), of a kind and of years ("PP tahun 2021").

Only what is said outright narrows a search. A year by itself may be that of a deed, a contract or a decision, and a law with its number is
read as a citation (`retrieval.citing`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from service.retrieval.citing import plain
from service.retrieval.laws import SHORT_KINDS
from service.retrieval.retriever import NO_FILTERS, Filters
from service.text import shows_digits

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januari january jan", "februari pebruari february feb", "maret march mar", "april apr", "mei may", "juni june jun",
            "juli july jul", "agustus august agu aug", "september sept sep", "oktober october okt oct", "november nopember nov nop",
            "desember december des dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_YEAR = r"(?:1[89]|20)\d{2}(?![\d/])"
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATE = (
    r"(?:(?:tanggal|tgl\.?|the) )?(?:"
    rf"(?P<day>\d{{1,2}}) (?P<month>{_MONTH}) (?P<year>{_YEAR})"
    r"|(?P<iso>\d{4}-\d{2}-\d{2})(?!\d)"
    rf"|(?P<d>\d{{1,2}})[/-](?P<m>\d{{1,2}})[/-](?P<y>{_YEAR})"
    rf"|(?P<english>{_MONTH}) (?P<eday>\d{{1,2}}),? (?P<eyear>{_YEAR})"
    rf"|(?:bulan )?(?P<inmonth>{_MONTH}) (?P<monthyear>{_YEAR})"
    rf"|(?:(?:tahun|thn\.?|th\.?|the year|year) )?(?P<whole>{_YEAR})"
    r")"
)
_NOW = r"(?P<now>sekarang|saat ini|kini|hari ini|dewasa ini|today|now|currently)"
_WHEN = rf"(?P<before>sebelum |before )?(?:{_DATE}|{_NOW})"
_AT = r"(?:(?:pada|per|di|untuk|dalam|saat|ketika|waktu|masa|hingga|sampai) ){0,3}"
_IN_FORCE = re.compile(
    rf"(?<!mulai )(?<!mulailah )\bberlaku(?:nya)? {_AT}{_WHEN}"
    rf"|\b(?:menurut|berdasarkan|memakai|menggunakan) hukum {_AT}{_WHEN.replace('?P<', '?P<b_')}"
    rf"|\b(?:keadaan|posisi|status)(?: hukum)?(?:nya)? (?:per|pada) {_WHEN.replace('?P<', '?P<c_')}"
    rf"|\b(?:aturan|peraturan|ketentuan|hukum|hukuman|sanksi|ancaman|pasal|uu)(?:nya)?\b[^.;?!]{{0,60}}? per {_WHEN.replace('?P<', '?P<e_')}"
    rf"|\b(?:in force|applicable|in effect|as of|applied|valid)(?: on| in| as of| at)? {_WHEN.replace('?P<', '?P<d_')}"
)
"""A day beside what says that law holds on it."""
_HELD = re.compile(
    rf"\b(?:pada|per|di) {_WHEN}\b[^.;?!]{{0,80}}?(?<!mulai )\bberlaku\b(?! (?:sejak|mulai|surut))"
    rf"|\b(?:on|in|as of) {_WHEN.replace('?P<', '?P<b_')}\b[^.;?!]{{0,80}}?\b(?:in force|applicable|applied|in effect)\b"
)
"""The day first: "Pada tahun 2015, aturan apa yang berlaku …?"."""
_SAYS_IN_FORCE = (
    "berlaku", " hukum", " per ", "keadaan", "posisi", "status", "in force", "applicable", "in effect", "as of", "applied", "valid",
)  # fmt: skip
"""One of these stands wherever a day is said on which law holds."""
_KINDS = "|".join(sorted((re.escape(kind) for kind in SHORT_KINDS if kind != "uud"), key=len, reverse=True))
_KIND = rf"\b(?P<kind>{_KINDS}|permen[a-z]{{0,12}}|peraturan(?: perundang-undangan)?|regulasi)"
_ISSUED = r"(?: (?:yang )?(?:terbit|diterbitkan|keluar|dikeluarkan|disahkan|diundangkan|ditetapkan|dibuat|terbitan|keluaran))?"
_OF_YEARS = re.compile(
    _KIND + _ISSUED + r"(?: (?:pada|dari|di))?"
    r"(?: (?P<relation>sejak|mulai|setelah|sesudah|sebelum|antara|from|since|after|before|between))?"
    rf" (?:tahun|thn\.?|th\.?|year|of|in) (?P<first>{_YEAR})"
    rf"(?: ?(?:-|–|dan|sampai(?: dengan)?|hingga|s\.?d\.?|to|and) ?(?:tahun )?(?P<last>{_YEAR}))?(?! (?:nomor|no\b))"
)
_ONLY = re.compile(
    rf"\b(?:hanya|khusus|cukup) (?:dari |dalam |di |pada )?(?P<kind>{_KINDS}) (?:saja|tentang|mengenai|soal)\b"
)
_ANY_YEAR = re.compile(r"(?:1[89]|20)\d{2}(?:(?<= \d{4})|(?<=[/-]\d[/-]\d{4})|(?<=[/-]\d\d[/-]\d{4}))|\d{4}-\d{2}")
"""Stands in every day and in every year that a text may name: the year of "UU 1/2023" is none of them."""
_TODAY = ("sekarang", "saat ini", "kini", "hari ini", "dewasa ini", "today", "now", "currently")
_ONLY_THESE = ("hanya ", "khusus ", "cukup ")
_ANY_KIND = frozenset({"peraturan", "peraturan perundang-undangan", "regulasi"})


def read_scope(question: str, today: date) -> Filters:
    """The filters that a question asks for; NO_FILTERS when it asks for none.

    A year alone means its last day, or today in the year that runs; a month its last day; "sebelum" (before) a day, month or year the day
    before it begins. A date that no calendar has is passed over.

    Args:
        question: as it was asked, in Indonesian or English.
        today: what "sekarang" (now) means.
    """
    text = plain(question)
    # To look for each of the three from every place on costs far more than to see that no number or word of theirs is there.
    dated = shows_digits(text) and _ANY_YEAR.search(text) is not None
    years = _OF_YEARS.search(text) if dated else None
    filters = _of_years(years) if years else NO_FILTERS
    only = _ONLY.search(text) if any(map(text.__contains__, _ONLY_THESE)) else None
    if only:
        filters = replace(filters, types=(only["kind"],))
    day = _day_of(text, today) if dated or any(map(text.__contains__, _TODAY)) else None
    return replace(filters, in_force_on=day) if day else filters


def first_scope(given: Filters, texts: Iterable[str], today: date) -> Filters:
    """Which law is meant: what was asked for beside the text, else what the first text says that says anything."""
    if given is not NO_FILTERS and given != NO_FILTERS:
        return given
    for text in texts:
        said = read_scope(text, today)
        if said is not NO_FILTERS and said != NO_FILTERS:
            return said
    return NO_FILTERS


def _day_of(text: str, today: date) -> date | None:
    if not any(map(text.__contains__, _SAYS_IN_FORCE)):
        return None
    for pattern in (_IN_FORCE, _HELD):
        for match in pattern.finditer(text):
            said = {name.rpartition("_")[2]: value for name, value in match.groupdict().items() if value}
            day = _read_day(said, today)
            if day:
                return day
    return None


def _read_day(said: dict[str, str], today: date) -> date | None:
    if "now" in said:
        return today
    try:
        first, last = _span(said)
    except ValueError:
        return None
    if "before" in said:
        return first - timedelta(days=1)
    return today if first <= today <= last else last


def _span(said: dict[str, str]) -> tuple[date, date]:
    """The first and last day that a date means.

    Raises:
        ValueError: the calendar lacks it.
    """
    if "whole" in said:
        year = int(said["whole"])
        return date(year, 1, 1), date(year, 12, 31)
    if "inmonth" in said:
        year, month = int(said["monthyear"]), _MONTHS[said["inmonth"]]
        following = date(year + month // 12, month % 12 + 1, 1)
        return date(year, month, 1), following - timedelta(days=1)
    if "iso" in said:
        day = date.fromisoformat(said["iso"])
    elif "english" in said:
        day = date(int(said["eyear"]), _MONTHS[said["english"]], int(said["eday"]))
    elif "month" in said:
        day = date(int(said["year"]), _MONTHS[said["month"]], int(said["day"]))
    else:
        day = date(int(said["y"]), int(said["m"]), int(said["d"]))
    return day, day


def _of_years(match: re.Match[str]) -> Filters:
    kind, first = match["kind"], int(match["first"])
    last = int(match["last"] or first)
    lowest: int | None = min(first, last)
    highest: int | None = max(first, last)
    match match["relation"]:
        case "sejak" | "mulai" | "from" | "since" if not match["last"]:
            highest = None
        case "setelah" | "sesudah" | "after":
            lowest, highest = first + 1, None
        case "sebelum" | "before":
            lowest, highest = None, first - 1
    return Filters(types=() if kind in _ANY_KIND else (kind,), year_from=lowest, year_to=highest)
