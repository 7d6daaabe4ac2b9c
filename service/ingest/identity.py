"""Finds out which regulation a text is: its type, number, year and subject, from the block of its title."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from service.ingest.manuscript import Line
from service.ingest.readings import digits

# The order matters: a longer name stands before one that it begins with. (Law 12/2011 art. 7 and 8 list the types.)
_TYPES: tuple[tuple[str, str, str], ...] = (
    ("PERATURAN PEMERINTAH PENGGANTI UNDANG-UNDANG", "Perppu", "Peraturan Pemerintah Pengganti Undang-Undang"),
    ("PERATURAN PEMERINTAH", "PP", "Peraturan Pemerintah"),
    ("PERATURAN PRESIDEN", "Perpres", "Peraturan Presiden"),
    ("PERATURAN OTORITAS JASA KEUANGAN", "POJK", "Peraturan OJK"),
    ("SURAT EDARAN OTORITAS JASA KEUANGAN", "SEOJK", "Surat Edaran OJK"),
    ("PERATURAN MAHKAMAH AGUNG", "Perma", "Peraturan Mahkamah Agung"),
    ("SURAT EDARAN MAHKAMAH AGUNG", "SEMA", "Surat Edaran Mahkamah Agung"),
    ("PERATURAN MAHKAMAH KONSTITUSI", "PMK", "Peraturan Mahkamah Konstitusi"),
    ("PERATURAN BANK INDONESIA", "PBI", "Peraturan Bank Indonesia"),
    ("PERATURAN MENTERI KEUANGAN", "PMK", "Peraturan Menteri Keuangan"),
    ("PERATURAN MENTERI", "Permen", "Peraturan Menteri"),
    ("PERATURAN DAERAH", "Perda", "Peraturan Daerah"),
    ("PERATURAN GUBERNUR", "Pergub", "Peraturan Gubernur"),
    ("PERATURAN BUPATI", "Perbup", "Peraturan Bupati"),
    ("PERATURAN KEPOLISIAN", "Perpol", "Peraturan Kepolisian"),
    ("KEPUTUSAN PRESIDEN", "Keppres", "Keputusan Presiden"),
    ("INSTRUKSI PRESIDEN", "Inpres", "Instruksi Presiden"),
    ("UNDANG-UNDANG", "UU", "Undang-Undang"),
)
_NAMES = "|".join(name.replace(" ", r"\s{1,3}").replace("-", r"\s?[-–]?\s?") for name, _, _ in _TYPES)
_TITLE = re.compile(
    rf"^\W{{0,4}}(?P<name>{_NAMES})(?P<who>[^\d\n]{{0,80}}?(?:\n[^\d\n]{{0,80}}?)?)\s{{0,3}}(?:NOMOR|NO\.?)\s{{0,3}}:?\s{{0,3}}"
    r"(?P<number>[\dOoIl][\w.\-/ ]{0,40}?)(?:\s{1,3}TAHUN\s{1,3}(?P<year>[\dOol]{4}))?\s{1,3}T.{0,2}E.?N.?T.?A.?N.?G\b[\s:]{0,3}(?P<about>[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_ABOUT_ENDS = re.compile(
    r"^\W*(?:DENGAN\s?RAHMAT|MENIMBANG|MENGINGAT|PRESIDEN\s|BAB\s|PASAL\s|DEWAN\s|GUBERNUR\s|BUPATI\s|MENTERI\s)",
    re.IGNORECASE,
)
_SMALL = frozenset(
    (
        "dan",
        "atau",
        "yang",
        "di",
        "ke",
        "dari",
        "pada",
        "atas",
        "untuk",
        "dengan",
        "tentang",
        "dalam",
        "bagi",
        "oleh",
        "serta",
        "kepada",
        "sebagai",
        "antara",
    )
)
_ACRONYM = re.compile(r"\([A-Z]{2,8}\)")
_TITLE_LINES = 90
_ABOUT_LINES = 8
_MONTHS = {
    "januari": 1, "februari": 2, "pebruari": 2, "maret": 3, "april": 4, "mei": 5, "juni": 6, "juli": 7, "agustus": 8,
    "september": 9, "oktober": 10, "november": 11, "nopember": 11, "desember": 12,
}  # fmt: skip
_PROMULGATED = re.compile(
    r"(?P<what>Diundangkan|Disahkan|Ditetapkan)\s+di\s+[\w ]{3,40}?\s+pada\s+tanggal\s*:?\s*(?P<day>[\dOolLIt]{1,2})\s+(?P<month>[A-Za-z]{3,9})\s+(?P<year>[\dOolLIt]{4})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A regulation as people cite it: type ("UU"), its name ("Undang-Undang"), number, year, subject."""

    type: str
    name: str
    number: str
    year: int
    about: str

    @property
    def doc_id(self) -> str:
        """Stable id: `uu-13-2003`, `pojk-13.pojk.05.2014-2014`."""
        return f"{self.type}-{self.number.replace('/', '.')}-{self.year}".lower()

    @property
    def law(self) -> str:
        """The key under which the corpus knows it: "UU 13/2003"; a regulator's number holds its year already."""
        return f"{self.type} {self.number}" if "/" in self.number else f"{self.type} {self.number}/{self.year}"

    @property
    def citation(self) -> str:
        """As it stands in a title: "Undang-Undang Nomor 13 Tahun 2003"."""
        return f"{self.name} Nomor {self.number} Tahun {self.year}"

    @property
    def amends(self) -> bool:
        """Whether it changes another regulation, and so carries that one's articles."""
        return self.about.lower().startswith("perubahan")


def identify(lines: Sequence[Line]) -> Identity | None:
    """The regulation whose title block stands among the first lines, or None: then the text is no regulation."""
    head = "\n".join(line.text for line in lines[:_TITLE_LINES])
    for match in _TITLE.finditer(head):
        number = digits(re.sub(r"\s+", "", match["number"])).rstrip(".")
        year = _year(match["year"], number)
        about = _about(match["about"], head[match.end() :])
        if year and about and not number.isalpha():
            type_, name = _type_of(match["name"])
            return Identity(type_, name, number.upper(), year, about)
    return None


def promulgated(text: str) -> date | None:
    """The day on which the text says that it was promulgated, else enacted; the day for which it states the law."""
    days: dict[str, date] = {}
    for match in _PROMULGATED.finditer(text):
        month = _MONTHS.get(match["month"].lower())
        day, year = int(_figures(match["day"])), int(_figures(match["year"]))
        if month and 1 <= day <= 31 and 1900 < year < 2200:
            try:
                days.setdefault(match["what"].lower(), date(year, month, day))
            except ValueError:
                continue
    return days.get("diundangkan") or days.get("disahkan") or days.get("ditetapkan")


def _figures(text: str) -> str:
    return text.translate(str.maketrans("OolLIt", "001111"))


def _year(stated: str | None, number: str) -> int | None:
    if stated:
        return int(_figures(stated))
    found = re.search(r"(?:19|20)\d\d$", number)
    return int(found[0]) if found else None


def _type_of(name: str) -> tuple[str, str]:
    plain = re.sub(r"[\s\-–]+", "", name.upper())
    return next((short, long) for title, short, long in _TYPES if re.sub(r"[\s\-]+", "", title) == plain)


def _about(first: str, rest: str) -> str:
    """The subject: it may run over lines of capitals, and ends where the preamble begins."""
    parts = [first] if first.strip() else []
    if not parts or first.isupper():
        for line in rest.strip("\n").split("\n")[:_ABOUT_LINES]:
            if _ABOUT_ENDS.match(line) or (parts and not _mostly_upper(line)):
                break
            parts.append(line)
    return in_title_case(" ".join(" ".join(parts).split()).rstrip(" .,"))


def _mostly_upper(line: str) -> bool:
    letters = [letter for letter in line if letter.isalpha()]
    return bool(letters) and sum(letter.isupper() for letter in letters) >= 0.7 * len(letters)


def in_title_case(text: str) -> str:
    """Capitals as a title has them: "JENIS DAN TARIF ATAS JENIS" is "Jenis dan Tarif atas Jenis"."""
    if not _mostly_upper(text):
        return text
    words = [
        word if _ACRONYM.fullmatch(word) else word.lower() if word.lower() in _SMALL else _capitalised(word)
        for word in text.split()
    ]
    return " ".join(words)


def _capitalised(word: str) -> str:
    return re.sub(r"[A-Za-z]+", lambda part: part[0].capitalize(), word)
