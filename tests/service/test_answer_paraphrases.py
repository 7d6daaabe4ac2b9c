"""Right paraphrases, written by hand, of passages of the shipped kind: how few of them the check disturbs, and wrong twins that it stops."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import service
from service.chat.checking import AnswerCheck, Language
from service.chat.evidence import Evidence
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import load_corpus
from service.retrieval.document import Document
from service.retrieval.index import Index

_CORPUS = Path(service.__file__).parent / "corpora" / "courtsight"


def _entry(law: str, article: str, title: str, text: str, law_title: str) -> Document:
    return Document(
        f"{law}-{article}", "statute", title, text, law, law_title, article, None, "berlaku", None, law, date(2026, 11, 1),
        "unverified", demo=False,
    )  # fmt: skip


DOCUMENTS = (
    _entry(
        "UU 1/1974", "7", "Umur minimal menikah 19 tahun dan dispensasi kawin",
        "Pria maupun wanita baru boleh menikah bila sudah mencapai umur 19 tahun. Ketentuan ini berasal dari perubahan oleh UU 16/2019;"
        " sebelumnya batas umur wanita adalah 16 tahun. Bila ada alasan sangat mendesak dengan bukti pendukung yang cukup, orang tua dapat"
        " meminta dispensasi kawin kepada pengadilan, dan pengadilan wajib mendengar pendapat kedua calon mempelai.",
        "Perkawinan",
    ),
    _entry(
        "UU 13/2003", "60", "Masa percobaan kerja",
        "Masa percobaan kerja hanya boleh disyaratkan dalam perjanjian kerja untuk waktu tidak tertentu, dan lamanya paling banyak tiga"
        " bulan. Selama masa percobaan, upah tidak boleh kurang dari upah minimum. Karyawan kontrak (PKWT) tidak boleh dikenai masa percobaan."
        " Ketentuan pasal ini tidak berubah oleh Cipta Kerja.",
        "Ketenagakerjaan",
    ),
    _entry(
        "HIR", "118", "Pengadilan yang berwenang: tempat tinggal tergugat",
        "Gugatan perdata diajukan ke pengadilan negeri di daerah hukum tempat tinggal tergugat. Bila tergugat lebih dari satu, penggugat boleh"
        " memilih tempat tinggal salah satunya. Bila tempat tinggal tergugat tidak diketahui, gugatan diajukan di tempat tinggal penggugat;"
        " untuk benda tidak bergerak, di tempat benda itu; dan bila ada pilihan domisili tertulis, boleh di tempat yang dipilih. Di luar Jawa dan"
        " Madura berlaku Pasal 142 RBg.",
        "Herzien Inlandsch Reglement",
    ),
    _entry(
        "UU 23/2006", "63", "Siapa wajib memiliki KTP-el",
        "Warga negara Indonesia dan orang asing pemegang izin tinggal tetap yang sudah berumur 17 tahun, atau sudah atau pernah kawin, wajib"
        " memiliki KTP elektronik (KTP-el). Setiap orang hanya boleh memiliki satu KTP-el, wajib membawanya saat bepergian, dan dokumen ini berlaku"
        " secara nasional. Bunyi sekarang berasal dari perubahan oleh UU 24/2013.",
        "Administrasi Kependudukan",
    ),
    _entry(
        "UU 1/2023", "606", "Hadiah karena jabatan",
        "Memberi hadiah atau janji kepada pejabat karena kekuasaan yang melekat pada jabatannya diancam penjara paling lama tiga tahun dan denda"
        " paling banyak kategori IV. Pejabat penerimanya diancam penjara paling lama empat tahun dan denda paling banyak kategori IV. Pasal ini"
        " menggantikan Pasal 13 UU 31/1999 bagi pemberi dan Pasal 11 bagi penerima.",
        "Kitab Undang-Undang Hukum Pidana",
    ),
    _entry(
        "UU 27/2022", "6", "Hak memperbaiki data pribadi",
        "Subjek data pribadi boleh melengkapi, memutakhirkan, serta membetulkan data tentang dirinya yang keliru atau tidak akurat, sesuai tujuan"
        " pemrosesannya. Pengendali data harus melaksanakan pembetulan itu paling lambat 3 x 24 jam setelah permintaan diterima (Pasal 30) dan"
        " memberi tahu hasilnya.",
        "Pelindungan Data Pribadi",
    ),
    _entry(
        "KUHPerdata", "1365", "Perbedaan wanprestasi dan perbuatan melawan hukum (PMH)",
        "Wanprestasi lahir dari perjanjian: ada kontrak yang sah, ada kewajiban yang tidak dipenuhi, dan debitur telah dinyatakan lalai (Pasal 1243"
        " KUHPerdata). Perbuatan melawan hukum (PMH) lahir dari undang-undang: tidak perlu ada kontrak, tetapi harus terbukti perbuatan melawan hukum,"
        " kesalahan, kerugian, dan hubungan sebab akibat (Pasal 1365). Ganti rugi wanprestasi bertumpu pada isi perjanjian; PMH bertujuan memulihkan"
        " keadaan semula dan dapat mencakup kerugian immateriil.",
        "Kitab Undang-Undang Hukum Perdata",
    ),
    _entry(
        "UU 23/2004", "6", "Kekerasan fisik dalam rumah tangga",
        "Kekerasan fisik dalam KDRT ialah perbuatan yang menyebabkan rasa sakit, jatuh sakit, atau luka berat. Memukul, menendang, mencekik, dan"
        " membakar adalah contohnya. Luka dan rasa sakit biasanya dibuktikan dengan visum et repertum dari dokter, foto luka, keterangan korban, serta"
        " keterangan saksi.",
        "Penghapusan Kekerasan dalam Rumah Tangga",
    ),
)  # fmt: skip
EVIDENCE = tuple(Evidence(number, document, 1.0, document.text) for number, document in enumerate(DOCUMENTS, start=1))

RIGHT = (
    "Baik pria maupun wanita harus sudah berumur 19 tahun sebelum boleh menikah [1].",
    "Usia kawin bagi kedua pihak adalah sembilan belas tahun [1].",
    "Batas 19 tahun itu dibawa oleh UU 16/2019 [1].",
    "Dahulu wanita boleh menikah pada umur 16 tahun [1].",
    "Orang tua dapat mengajukan permohonan dispensasi kawin ke pengadilan [1].",
    "Dispensasi hanya mungkin bila alasannya sangat mendesak dan didukung bukti yang cukup [1].",
    "Pengadilan harus mendengar kedua calon mempelai [1].",
    "Seorang wanita berumur 19 tahun boleh menikah [1].",
    "Masa percobaan maksimal tiga bulan [2].",
    "Lama masa percobaan tidak boleh lebih dari 3 bulan [2].",
    "Masa percobaan hanya dapat dicantumkan dalam perjanjian kerja waktu tidak tertentu [2].",
    "Gaji selama masa percobaan tidak boleh lebih rendah dari upah minimum [2].",
    "Pekerja PKWT tidak dapat dikenai masa percobaan [2].",
    "Masa percobaan dilarang bagi karyawan kontrak [2].",
    "Ketentuan ini tidak diubah oleh Cipta Kerja [2].",
    "Pasal 60 UU Ketenagakerjaan membatasi masa percobaan sampai tiga bulan [2].",
    "Gugatan perdata diajukan kepada pengadilan negeri tempat tergugat tinggal [3].",
    "Kalau tergugatnya beberapa orang, penggugat boleh memilih pengadilan di tempat tinggal salah satu dari mereka [3].",
    "Jika tempat tinggal tergugat tidak diketahui, gugatan dapat diajukan di tempat tinggal penggugat [3].",
    "Untuk benda tidak bergerak, gugatan diajukan di tempat benda itu berada [3].",
    "Para pihak dapat memilih domisili secara tertulis [3].",
    "Di luar Jawa dan Madura yang berlaku adalah Pasal 142 RBg [3].",
    "Menurut Pasal 118 HIR, pengadilan negeri yang berwenang ditentukan oleh tempat tinggal tergugat [3].",
    "Setiap warga negara Indonesia yang telah berusia 17 tahun wajib mempunyai KTP elektronik [4].",
    "Orang yang sudah kawin wajib memiliki KTP-el walaupun belum 17 tahun [4].",
    "Orang asing dengan izin tinggal tetap juga wajib memiliki KTP-el [4].",
    "Satu orang hanya boleh mempunyai satu KTP-el [4].",
    "KTP-el harus dibawa ketika bepergian [4].",
    "KTP-el berlaku secara nasional [4].",
    "Aturan tentang kewajiban KTP-el diubah terakhir oleh UU 24/2013 [4].",
    "Pemberi hadiah kepada pejabat dapat dipidana penjara paling lama 3 tahun [5].",
    "Pejabat yang menerima hadiah diancam penjara paling lama empat tahun [5].",
    "Ancaman bagi penerima lebih berat, yaitu penjara maksimal 4 tahun dan denda kategori IV [5].",
    "Denda bagi pemberi dan penerima sama, paling banyak kategori IV [5].",
    "Pasal 606 KUHP menggantikan Pasal 13 UU 31/1999 bagi pemberi [5].",
    "Memberikan janji kepada pejabat karena kekuasaan jabatannya juga diancam pidana [5].",
    "Subjek data berhak membetulkan data pribadinya yang keliru [6].",
    "Pengendali data wajib membetulkan data dalam waktu 3 x 24 jam sejak permintaan diterima [6].",
    "Hasil pembetulan harus diberitahukan oleh pengendali [6].",
    "Data yang tidak akurat boleh dilengkapi atau dimutakhirkan oleh subjek datanya [6].",
    "Pasal 6 UU PDP memberi hak untuk memperbaiki data pribadi [6].",
    "Batas waktu pembetulan disebut dalam Pasal 30 [6].",
    "Wanprestasi bersumber dari perjanjian, sedangkan PMH bersumber dari undang-undang [7].",
    "Untuk wanprestasi harus ada kontrak yang sah dan kewajiban yang tidak dipenuhi [7].",
    "Debitur harus dinyatakan lalai lebih dahulu [7].",
    "PMH tidak memerlukan kontrak [7].",
    "Unsur PMH ialah perbuatan melawan hukum, kesalahan, kerugian, dan hubungan sebab akibat [7].",
    "Tujuan PMH adalah memulihkan keadaan semula [7].",
    "Kerugian immateriil dapat dituntut melalui PMH [7].",
    "Ganti rugi pada wanprestasi didasarkan pada isi perjanjian [7].",
    "Ada empat unsur PMH yang harus terbukti [7].",
    "Dasar hukum PMH adalah Pasal 1365 KUHPerdata [7].",
    "Memukul dan menendang termasuk kekerasan fisik [8].",
    "Kekerasan fisik mencakup perbuatan yang menimbulkan rasa sakit atau luka berat [8].",
    "Luka dapat dibuktikan dengan visum et repertum dari dokter [8].",
    "Foto luka dan keterangan saksi juga dapat menjadi bukti [8].",
    "Keterangan korban termasuk bukti yang lazim dipakai [8].",
    "Membakar dan mencekik disebut sebagai contoh kekerasan fisik [8].",
    "Perbuatan yang membuat orang jatuh sakit tergolong kekerasan fisik menurut UU KDRT [8].",
    "Wanprestasi memerlukan kontrak [7], sedangkan kekerasan fisik dibuktikan dengan visum [8].",
)
ENGLISH = (
    "Men and women may marry only once they are 19 years old [1].",
    "Parents can ask the court for a marriage dispensation [1].",
    "The probation period is at most three months [2].",
    "A civil claim is filed with the court where the defendant lives [3].",
    "Citizens must have an electronic identity card from the age of 17 years [4].",
    "An official who accepts a gift faces imprisonment of up to four years [5].",
    "Victims' and witnesses' statements are evidence of physical violence [8].",
    "Article 7 of Law No. 1 of 1974 sets the minimum age: “baru boleh menikah bila sudah mencapai umur 19 tahun” [1].",
)
WRONG = (
    "Usia kawin bagi kedua pihak adalah delapan belas tahun [1].",
    "Dahulu wanita boleh menikah pada umur 15 tahun [1].",
    "Pengadilan tidak wajib mendengar kedua calon mempelai [1].",
    "Batas 19 tahun itu dibawa oleh UU 16/2020 [1].",
    "Lama masa percobaan tidak boleh lebih dari 6 bulan [2].",
    "Pekerja PKWT dapat dikenai masa percobaan [2].",
    "Pasal 61 UU Ketenagakerjaan membatasi masa percobaan sampai tiga bulan [2].",
    "Di luar Jawa dan Madura yang berlaku adalah Pasal 143 RBg [3].",
    "Pasal 1320 KUHPerdata menentukan pengadilan negeri tempat tinggal tergugat [3].",
    "Setiap warga negara Indonesia yang telah berusia 18 tahun wajib mempunyai KTP elektronik [4].",
    "Pejabat yang menerima hadiah diancam penjara paling lama 14 tahun [5].",
    "Denda bagi pemberi dan penerima sama, paling banyak kategori V [5].",
    "Pejabat yang menerima hadiah diancam penjara paling singkat empat tahun [5].",
    "Pengendali data wajib membetulkan data dalam waktu 7 x 24 jam sejak permintaan diterima [6].",
    "UU Nomor 88 Tahun 2025 memberi hak untuk memperbaiki data pribadi [6].",
    "PMH memerlukan kontrak [7].",
    "Dasar hukum PMH adalah Pasal 1366 KUHPerdata [7].",
    "Dasar hukum PMH adalah Pasal 1365 KUHP [7].",
    "Ganti rugi pada PMH didasarkan pada tarif resmi kementerian keuangan negara [7].",
    "Kekerasan fisik mencakup penghinaan melalui media sosial dan ujaran kebencian [8].",
    "Men and women may marry once they are 18 years old [1].",
    "The probation period is at most six months [2].",
    "An official who accepts a gift faces imprisonment of up to five years [5].",
)


SHIPPED = (
    ("UU 22/2009", "80"), ("UU 22/2009", "81"), ("UU 11/2008", "11"), ("UU 1/2023", "12"), ("UU 1/2023", "13"), ("UUD 1945", "24B"),
    ("UUD 1945", "24C"), ("UU 13/2003", "59"),
)  # fmt: skip
RIGHT_OF_SHIPPED = (
    "SIM C diperlukan untuk mengendarai sepeda motor [1].",
    "Penyandang disabilitas menggunakan SIM D [1].",
    "SIM A berlaku bagi mobil perseorangan dengan berat sampai 3.500 kg [1].",
    "Peraturan Polri 5/2021 membagi SIM C menjadi CI dan CII berdasarkan kapasitas mesin [1].",
    "Kendaraan yang dikemudikan harus cocok dengan golongan SIM-nya [1].",
    "Untuk SIM A, C, dan D pemohon harus berusia minimal 17 tahun [2].",
    "SIM B I mensyaratkan umur 20 tahun, SIM B II 21 tahun [2].",
    "Pemohon SIM wajib lulus ujian teori dan praktik [2].",
    "Kesehatan pemohon dibuktikan dengan surat keterangan dokter [2].",
    "KTP dan sidik jari termasuk syarat administrasi [2].",
    "Tanda tangan elektronik sah apabila memenuhi persyaratan tertentu [3].",
    "Perubahan setelah penandatanganan harus dapat diketahui [3].",
    "Tanda tangan yang memakai sertifikat elektronik memiliki kekuatan pembuktian lebih kuat [3].",
    "Tindak pidana adalah perbuatan yang diancam sanksi pidana atau tindakan oleh peraturan [4].",
    "KUHP baru tidak lagi membedakan kejahatan dan pelanggaran [4].",
    "Pembelaan terpaksa adalah contoh alasan pembenar [4].",
    "Perbuatan itu juga harus bersifat melawan hukum [4].",
    "Permufakatan jahat memerlukan kesepakatan sedikitnya dua orang [5].",
    "Kesepakatan saja hanya dipidana bila undang-undang menyatakannya secara tegas [5].",
    "Hukumannya paling banyak sepertiga dari maksimum pidana pokok [5].",
    "Untuk delik yang diancam pidana mati, ancamannya paling lama tujuh tahun [5].",
    "Dalam KUHP lama hal ini diatur dalam Pasal 88 [5].",
    "Komisi Yudisial mengusulkan pengangkatan hakim agung [6].",
    "Anggota KY diangkat oleh Presiden dengan persetujuan DPR [6].",
    "KY tidak dapat mengubah isi putusan hakim [6].",
    "Masyarakat bisa melapor ke KY bila ada dugaan pelanggaran kode etik hakim [6].",
    "Putusan MK bersifat final [7].",
    "MK berwenang menguji undang-undang terhadap UUD 1945 [7].",
    "Jumlah hakim konstitusi adalah sembilan orang [7].",
    "PKWT hanya diperbolehkan untuk pekerjaan yang selesai dalam waktu tertentu [8].",
    "Pekerjaan tetap tidak boleh diikat dengan PKWT [8].",
    "Jika syaratnya dilanggar, pekerja berubah status menjadi karyawan tetap demi hukum [8].",
    "Jangka waktu PKWT maksimal lima tahun termasuk perpanjangan [8].",
    "Pasal 59 UU 13/2003 telah diubah oleh UU 6/2023 [8].",
)
WRONG_OF_SHIPPED = (
    "SIM A berlaku bagi mobil perseorangan dengan berat sampai 5.000 kg [1].",
    "Peraturan Polri 6/2021 membagi SIM C menjadi CI dan CII [1].",
    "Untuk SIM A, C, dan D pemohon harus berusia minimal 18 tahun [2].",
    "SIM B I mensyaratkan umur 22 tahun [2].",
    "Pemohon SIM tidak wajib lulus ujian praktik [2].",
    "Biaya pembuatan SIM adalah Rp100.000 [2].",
    "Tanda tangan elektronik tidak sah di pengadilan [3].",
    "Tanda tangan elektronik harus didaftarkan ke notaris [3].",
    "KUHP baru membedakan kejahatan dan pelanggaran [4].",
    "Menurut Pasal 13 UU 1/2023, setiap tindak pidana dianggap melawan hukum [4].",
    "Permufakatan jahat memerlukan kesepakatan sedikitnya tiga orang [5].",
    "Hukumannya paling banyak setengah dari maksimum pidana pokok [5].",
    "Untuk delik yang diancam pidana mati, ancamannya paling lama sembilan tahun [5].",
    "Dalam KUHP lama hal ini diatur dalam Pasal 89 [5].",
    "KY dapat mengubah isi putusan hakim [6].",
    "Anggota KY diangkat oleh Mahkamah Agung tanpa persetujuan DPR [6].",
    "Putusan MK dapat diajukan banding [7].",
    "Jumlah hakim konstitusi adalah tujuh orang [7].",
    "MK berwenang mengadili sengketa waris [7].",
    "PKWT boleh untuk pekerjaan yang bersifat tetap [8].",
    "Jangka waktu PKWT maksimal tiga tahun termasuk perpanjangan [8].",
    "Pasal 58 UU 13/2003 telah diubah oleh UU 6/2023 [8].",
    "Pasal 59 UU 13/2003 telah diubah oleh UU 11/2020 [8].",
    "Pasal 59 ayat (4) UU 13/2003 membatasi PKWT lima tahun [8].",
    "Pasal 1320 KUHPerdata membatasi PKWT lima tahun [8].",
    "UU Perlindungan Buruh Digital membatasi PKWT lima tahun [8].",
    "“PKWT atau kontrak tidak hanya boleh untuk pekerjaan yang menurut sifatnya akan selesai” [8].",
    "“Hakimnya delapan orang” [7].",
    "“Anggotanya diangkat … dengan putusan final” [6].",
)


@pytest.fixture(scope="module")
def index() -> Index:
    return Index.of((*load_corpus(_CORPUS).documents, *DOCUMENTS), Analyser(), lambda: 0.0)


def outcome(index: Index, sentence: str, language: Language = "id", evidence: tuple[Evidence, ...] = EVIDENCE) -> str:
    found: list[str] = []
    check = AnswerCheck(
        evidence, "Jelaskan aturannya.", index.analyser.document_terms, index.idf, language=language,
        on_check=lambda _guardrail, action: found.append(action),
    )  # fmt: skip
    check.feed(sentence)
    check.finish()
    assert len(found) == 1
    return found[0]


def test_sixty_right_paraphrases_are_hardly_disturbed(index: Index) -> None:
    """None is withheld, none loses its mark, and a remark stands at most at two of sixty."""
    outcomes = {sentence: outcome(index, sentence) for sentence in RIGHT}
    assert len(outcomes) == 60
    assert [sentence for sentence, found in outcomes.items() if found in {"withheld", "repaired"}] == []
    assert sum(found == "marked" for found in outcomes.values()) <= 2


@pytest.mark.parametrize("sentence", ENGLISH)
def test_right_english_sentences_are_shown(index: Index, sentence: str) -> None:
    """What is said in English of an Indonesian passage is shown, at worst with a remark."""
    assert outcome(index, sentence, "en") in {"kept", "marked"}


@pytest.mark.parametrize("sentence", WRONG)
def test_wrong_twins_are_stopped(index: Index, sentence: str) -> None:
    """The same sentences with one thing wrong are not shown as they are."""
    language: Language = (
        "en" if " the " in f" {sentence.lower()} " or "may" in sentence.split() or sentence.startswith("An ") else "id"
    )
    assert outcome(index, sentence, language) in {"withheld", "repaired"}


@pytest.fixture(scope="module")
def shipped() -> tuple[Evidence, ...]:
    statutes = {(one.law, one.article): one for one in load_corpus(_CORPUS).documents if one.kind == "statute"}
    return tuple(Evidence(n, statutes[key], 1.0, statutes[key].text) for n, key in enumerate(SHIPPED, start=1))


def test_paraphrases_of_the_shipped_corpus_are_hardly_disturbed(index: Index, shipped: tuple[Evidence, ...]) -> None:
    """None is withheld or changed, and a remark stands at most at two of thirty-four."""
    outcomes = {sentence: outcome(index, sentence, evidence=shipped) for sentence in RIGHT_OF_SHIPPED}
    assert [sentence for sentence, found in outcomes.items() if found in {"withheld", "repaired"}] == []
    assert sum(found == "marked" for found in outcomes.values()) <= 2


@pytest.mark.parametrize("sentence", WRONG_OF_SHIPPED)
def test_what_the_shipped_corpus_does_not_say_is_stopped(
    index: Index, shipped: tuple[Evidence, ...], sentence: str
) -> None:
    """Numbers, names, sides and quotations that are wrong are not shown as they are."""
    assert outcome(index, sentence, evidence=shipped) in {"withheld", "repaired"}
