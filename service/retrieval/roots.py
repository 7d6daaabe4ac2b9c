"""Roots that Snowball loses, and those whose first letter a prefix swallows: "menagih" and "ditagih" (to collect, collected) share "tagih", "pengiriman" and "dikirim" "kirim".

Snowball's Indonesian stemmer brings back "s" behind "meny-" and guesses "p" behind "mem-", but leaves "agih" and "irim" behind "men-"
and "meng-". Which letter was there cannot be told from the word alone ("pengawasan" comes from "awas", "pengawalan" from "kawal"), so
general lists of roots decide: common Indonesian, no law and no question in mind.
"""

from __future__ import annotations

import re

from service.retrieval.vocabulary import listed

_SWALLOWED = re.compile(r"(?:me|pe)(n|ng|m)([aiueo]\w{2,})")

_T = listed(
    """
    taat tabuh tagih tahan tahap taksir takut tambah tambang tampar tampil tampung tanam tancap tanda tandatangan tangan tanggap
    tangguh tanggung tangis tangkap tangkis tantang tanya tarik taruh tata tatausaha tawar tayang tebak tebang tebus tegak tegas teguh
    tekan telaah telantar telepon teliti telusur tembak tembus tempat tempel tempuh temu tendang tengah tenggelam tentang tentu terang
    terap terbang terbit teriak terima terjang terjemah terobos tertib teror terus tetap tewas tilang timbang timbul timbun timpa
    tindak tindaklanjut tindas tinggal tinggi tingkat tinjau tipis tipu tiru titip tolak tolong tonton topang tuduh tuding tugas tuju tukar
    tular tulis tumbuh tumpah tumpang tumpuk tunda tunduk tunggak tunggang tunggu tunjang tunjuk tuntut tuntun turun turut tusuk tutup
    tutur tampik terka tikam tindih tebar tembok tepi
    """
)
_K = listed(
    """
    kagum kait kaji kalah kali kandung kantuk karang karantina kata katrol kawal kawin kayuh kebiri kebumi kecam kecewa kecil
    kecoh kecuali kejar kejut kelabu kelola keliling kelompok keluar keluh kemas kembali kembang kemis kemudi kemuka kena kenal
    kenang kendali kendara kenyam kepung kerah keras kerja keroyok ketahu ketik ketuk khianat kibar kikis kirim kisah klaim kobar
    kolaborasi koleksi kolusi komentar kompensasi konfirmasi konsolidasi konsumsi kontrak kontrol konversi koordinasi koreksi korban
    korek korup kosong kotor kuasa kuat kubur kuliah kucil kucur kukuh kulit kumpul kundur kunci kungkung kunjung kuntit kupas kuping
    kuras kurang kuret kurung kursus kutip kutuk ketat kacau kampanye
    """
)
_M = listed(
    """
    maaf madu main makan makna makmur maki malu mandat mandi mandiri manfaat manipulasi manja masak masalah masuk masyarakat mata mati
    maut media mediasi merdeka meriah milik minat minta minum mobilisasi modal modifikasi mohon monitor monopoli moral motivasi muat muda
    mudah mudik mufakat muka mukim mulai mulia mundur muncul murah murni musnah musuh musyawarah mutakhir mutasi mutilasi mutu
    musik makelar
    """
)
_WHOLE = listed(
    """
    abadi arisan asuransi damai denda dialog disabilitas disiplin diskriminasi diskusi diseminasi distribusi domisili ekonomi fakir
    gadai industri istri kategori kebal keberatan kecuali kehendak kelahi keliling keliru kelola keluarga kembali kemudi kendali kendara
    kepala kereta keroyok konvoi kunci lalai lestari mandiri masalah menteri merdeka meriah meterai mulai nilai pailit pakai patroli
    pawai pedoman peduli pegawai pelihara pelopor pengaruh penjara percaya perang perahu peran peringkat perintah periksa peristiwa
    perkara perkosa peroleh pesona polisi pribadi ramai sampai santai sedekah sekolah selesai sembunyi sepakat serikat sesuai sinergi
    subsidi tawuran teknologi terima terjemah ternak tersangka tunai urai
    """
)
"""Words that begin or end as if with a prefix or a suffix, and have none: bare, Snowball makes "jara" of "penjara" (prison), and "penjara" of
"dipenjara"."""
_SWALLOWED_BY = {"n": ("t", _T), "ng": ("k", _K), "m": ("m", _M)}
ROOTS = _T | _K | _M | _WHOLE
"""All of these roots; a word that is one of them is its own root."""
_SUFFIXES = ("", "nya", "kan", "kannya", "an", "annya", "i", "inya")


def root_of(word: str) -> str | None:
    """The root of a word that is one of these, bare or with a suffix, or whose prefix swallowed its first letter; None where none fits."""
    found = _without_suffix(word, ROOTS)
    match = None if found else _SWALLOWED.fullmatch(word)
    if match is None:
        return found
    letter, roots = _SWALLOWED_BY[match[1]]
    return _without_suffix(letter + match[2], roots)


def _without_suffix(word: str, roots: frozenset[str]) -> str | None:
    found = (word.removesuffix(suffix) for suffix in _SUFFIXES if word.endswith(suffix))
    return next((root for root in found if root in roots), None)
