"""Words that frame an answer and state nothing, words that turn a sense around, and signs of an order hidden in a source."""

from __future__ import annotations

import re
from collections.abc import Mapping

from service.remembering import remembered


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


FRAMING_WORDS = _listed(
    """
    ajukan anda akhirnya antara ayat huruf uu pp perma perpres perppu bab butir angka republik artinya atas bahan bahwa berarti berdasarkan beri berikut berisi bagian bahasa baca bantu beberapa bunyi
    catatan cermati cukup daftar dasar demikian dengan dijelaskan diatur dikutip dimaksud dinyatakan dirumuskan disebut disebutkan
    ditegaskan ditentukan disimpulkan diterangkan dokumen dulu garis hal hukum ialah informasi ini inti intinya isi istilah itu jadi jawab
    jawaban jawabannya jelas kalimat kata kesimpulan kesimpulannya keterangan ketentuan ketentuannya konteks kutip kutipan lain langkah
    lanjut lebih lihat maksud maka melihat memuat menegaskan menentukan mengatakan mengatur menjelaskan menurut menyatakan menyebut
    menyebutkan merujuk nomor pada pasal pembahasan pengertian penjelasan peraturan perhatikan periksa pertama kedua ketiga keempat
    pertanyaan pertanyaannya penting poin pokok pokoknya ringkas ringkasan ringkasnya rinci rincian rumusan sebagai sebagaimana secara
    selanjutnya selengkapnya seperti sesuai simpulan singkat singkatnya sumber sumbernya tadi tegas tegasnya tentang terkait tersebut
    walaupun walau meskipun meski berasal biasa biasanya dibawa digunakan dipakai lazim lazimnya memang mempunyai pihak sama tergolong termasuk terjadi
    tersedia tersirat tersurat terlebih tertulis terutama umum undang uraian urut yaitu yakni
    above according addition additionally answer answers article articles also accordingly basis below brief briefly case cited
    conclusion context document documents details essence example explained explains first follow following follows further hence here however
    important in law legal mean meaning means moreover namely note passage passages point points provided provides provision
    provisions question quote quoted quotation regarding regulation relevant second short shortly source sources specifically stated
    about after also any applies apply because been before being between both but by during each either every from had has have he her his if into
    kind kinds least mentioned most much must old once one only other otherwise out over own rather same set sets she should since some such than
    their them then there they those through toward two until up was were what when where whether which while who whom whose will with within without
    would year years month months
    states stipulates summary sum text that the therefore these third this thus under whereas
    """
)
"""Words of an opening, a link or a closing; a sentence of nothing else states nothing of law."""

NEGATIONS = _listed(
    "tidak bukan tanpa belum jangan dilarang tak tiada bukanlah tidaklah not no never without cannot nor prohibited forbidden neither"
)
ASSERTING = NEGATIONS | _listed(
    "ya benar boleh bisa dapat wajib harus sah berhak mungkin yes must may can shall allowed correct"
)
"""Short words that answer a question by themselves: "Tidak boleh." says much without a word to weigh."""
SOFT_NEGATIONS = NEGATIONS | _listed(
    """
    kecuali hanya batal gugur hilang menolak ditolak gagal kurang terlarang larangan melarang mustahil dibebaskan bebas dikecualikan
    pengecualian berhenti berakhir lepas luput mengabaikan melanggar dilanggar pelanggaran lalai ingkar sebelum sebaliknya selain lewat terlambat
    tertutup dihapus menghapus dicabut kehilangan melainkan larang bebas only except unless void lose lost fails refuse rejected
    """
)
"""Words by which a source may say a negation in another way."""

TURNING = NEGATIONS | _listed(
    """
    kecuali hanya bebas dibebaskan dikecualikan pengecualian larangan melarang terlarang batal gugur kehilangan hilang mustahil ditolak menolak lepas luput
    walaupun walau meskipun meski sekalipun sebelum sebelumnya kurang bawah lebih selama bila jika kalau apabila lain selain melainkan tetapi namun only except unless before under below less more if
    until without other
    """
)
"""Words in an answer that turn a sense around, or turn it back."""

_PAIRS = (
    ("wajib", "boleh"), ("wajib", "dilarang"), ("boleh", "dilarang"), ("dibolehkan", "dilarang"), ("diperbolehkan", "dilarang"), ("berhak", "berkewajiban"),
    ("wajib", "berhak"), ("sebelum", "sesudah"), ("sebelum", "setelah"), ("suami", "istri"), ("penggugat", "tergugat"), ("pekerja", "pengusaha"),
    ("pria", "wanita"), ("laki-laki", "perempuan"), ("sah", "batal"), ("lisan", "tertulis"), ("perdata", "pidana"), ("penyewa", "pemilik"), ("hakim", "jaksa"),
    ("debitur", "kreditur"), ("pembeli", "penjual"), ("pelaku", "korban"), ("bergerak", "tetap"), ("banding", "kasasi"), ("singkat", "lama"),
    ("naik", "turun"), ("menerima", "menolak"), ("dikabulkan", "ditolak"), ("membayar", "menerima"), ("ayah", "ibu"), ("pemohon", "termohon"),
    ("berlaku", "dicabut"), ("bersama", "sendiri"), ("setiap", "sebagian"), ("semua", "beberapa"), ("kumulatif", "alternatif"), ("ketua", "anggota"),
    ("presiden", "dpr"), ("siang", "malam"), ("dewasa", "anak"), ("langsung", "tidak"), ("minimal", "maksimal"), ("minimum", "maksimum"),
)  # fmt: skip
OPPOSITES: Mapping[str, frozenset[str]] = {
    word: frozenset(two if one == word else one for one, two in _PAIRS if word in {one, two})
    for pair in _PAIRS
    for word in pair
}
"""By word, those that would turn a sentence around in its place."""

DECISIVE = _listed(
    """
    abolisi adopsi amnesti arbitrase asuransi banding bercerai bpjs cerai cuti debitur deportasi dipecat fidusia gaji grasi hibah hipotek
    imigrasi izin jaksa kasasi konsumen kreditur kurator kurungan lelang lembur mediasi merek narkotika notaris paten pailit pajak paspor penjara
    perceraian pesangon phk polisi poligami praperadilan rehabilitasi sertifikat sita talak tilang utang visa wakaf waris warisan wasiat
    """
)
"""What a clause is about when it holds one of these: a passage without it does not say the same."""

_ALIKE = (
    "umur usia", "kawin nikah menikah perkawinan pernikahan dinikahi mengawini", "upah gaji", "pekerja karyawan buruh pegawai", "majikan pengusaha perusahaan",
    "bukti dibuktikan terbukti membuktikan pembuktian", "utang hutang", "ganti mengganti penggantian", "cerai perceraian bercerai diceraikan",
    "pria laki lelaki", "wanita perempuan", "batal dibatalkan membatalkan pembatalan", "sewa menyewa disewa penyewaan", "gugatan menggugat digugat gugat",
    "milik memiliki dimiliki kepemilikan punya mempunyai", "pidana dipidana hukuman dihukum",
    "bayar membayar dibayar pembayaran", "lapor melapor dilaporkan melaporkan laporan pelaporan", "mencuri pencurian dicuri", "tipu menipu penipuan ditipu",
    "luka melukai terluka", "saksi kesaksian", "waris ahli warisan pewaris kewarisan mewaris", "kontrak perjanjian", "merugikan kerugian rugi dirugikan",
    "menolak ditolak penolakan", "daftar mendaftar pendaftaran didaftarkan terdaftar", "catat mencatat dicatat pencatatan tercatat", "hapus menghapus dihapus penghapusan",
    "ubah diubah mengubah perubahan berubah", "beri memberi diberi pemberian memberikan diberikan pemberi", "terima menerima diterima penerimaan penerima",
)  # fmt: skip
ALIKE: Mapping[str, str] = {word: group.split()[0] for group in _ALIKE for word in group.split()}
"""Words of one meaning, or of one family that stemming tears apart, by the one that stands for all of them."""
FAMILY: Mapping[str, tuple[str, ...]] = {group.split()[0]: tuple(group.split()) for group in _ALIKE}
"""All words of a family by the one that stands for it."""

SAYS_NOTHING_FOUND = re.compile(
    r"(?:sumber|dokumen|bahan|kutipan|passage|source|text)[^.]{0,60}\b(?:tidak|belum|not|n't)\b[^.]{0,30}\b(?:memuat|membahas|menjawab|mencakup|cukup|menyebut\w*|mengatur"
    r"|menjelaskan|memberi\w*|menyatakan|berisi|contain|cover|answer|address|state|say|mention|enough|provide|carry)"
    r"|(?:tidak|belum) (?:ada|ditemukan|terdapat|disebutkan|dijelaskan|diatur|dibahas) [^.]{0,40}\b(?:dalam|pada|di) (?:sumber|dokumen)",
    re.IGNORECASE,
)
"""A sentence that says what the sources do not carry: it needs no mark."""

CLOSES = re.compile(
    r"^(?:semoga|silakan|silahkan|sebaiknya|untuk|bila|jika|informasi ini|jawaban ini|ini bukan|please|this is not|this answer is|i hope|if|for)\b[^.]{0,120}\b(?:membantu|bermanfaat"
    r"|advokat|pengacara|bantuan hukum|nasihat hukum|penasihat hukum|helps?|lawyer|legal aid|legal advice|advocate)\b[^.]{0,40}\.?$",
    re.IGNORECASE,
)
"""A closing that sends the reader to somebody who can advise."""
CLOSING_WORDS = FRAMING_WORDS | _listed(
    """
    semoga silakan silahkan sebaiknya untuk bila jika kalau apabila membantu bermanfaat bantuan advokat pengacara nasihat penasihat konsultan ahli lembaga lbh posbakum pos
    pengadilan setempat terdekat cuma gratis konsultasi berkonsultasi konsultasikan hubungi menghubungi bicara bicarakan tanya tanyakan bertanya minta mintalah meminta
    dapatkan mendapatkan mencari carilah datangi temui gunakan ada masih ragu raguan keraguan perlu membutuhkan butuh ingin mau kasus perkara masalah keadaan situasi kondisi
    khusus spesifik konkret pribadi langsung segera keputusan mengambil tindakan bertindak melangkah pasti kepastian bukan pengganti menggantikan merupakan yang kepada ke dari oleh agar
    supaya guna saya kami bisa dapat sudah profesional kompeten berwenang resmi tentu
    please not is are i hope if for this answer you your need needs help helps helped helpful lawyer lawyers legal aid advice advocate consult contact ask seek speak get
    professional qualified local case situation question specific particular before act acting substitute a an or to of
    """
)
"""All that a closing may consist of, beside words of the question: it must not say anything else on its way."""
GOES_ON = _listed(
    "tetapi tapi namun karena sebab sehingga maka jadi melainkan padahal sedangkan oleh akibatnya sebaliknya berarti artinya but because so therefore thus hence however since which meaning"
)
"""Words after which a sentence on what the sources do not carry begins to say something else."""
PAST = _listed(
    "sebelumnya dahulu dulu semula awalnya lama mulanya sebelum formerly previously earlier before originally"
)
"""Words beside a figure that is of the past."""

_CUE = re.compile(
    r"\b(?:abaikan|lupakan|kesampingkan|hiraukan|ignore|disregard|forget|override|bypass)\b[^.\n]{0,80}?\b(?:instruksi|perintah|aturan|petunjuk|arahan|prompt|semua|di atas"
    r"|sebelumnya|instructions?|rules?|previous|prior|above|everything|all)\b"
    r"|\bsystem ?prompt\b|\b(?:new|updated?) instructions?\b|\b(?:instruksi|perintah|petunjuk|arahan) (?:baru|tambahan|penting|sistem|untuk (?:ai|asisten|model|chatbot))\b"
    r"|\b(?:kamu|anda) (?:sekarang|kini) (?:adalah|ialah)\b|\byou are now\b|\b(?:instruction|override)s?\s*:|\b(?:instruksi|perintah)\s*:"
    # Markup, pictures and links that a reader's page would load or run (EchoLeak, CVE-2025-32711); no law is written in them.
    r"|!\[|\]\(\s*(?:[a-z][a-z0-9+.-]{0,30}:|//)|</?[a-z!][a-z0-9 =/>]|\bjavascript:|\btool_(?:calls?|name)\b|\bfunction_call\b"
    r"|\b(?:panggil|jalankan|call|invoke|run)\b[^.\n]{0,30}\b(?:alat|tools?|fungsi|functions?|LegalRetriever|LawLookup|CaseComparator|PrecedentExplorer)\b"
    r"|\b(?:tampilkan|tambahkan|sertakan|sisipkan|show|append|include|insert)\b[^.\n]{0,80}\b(?:(?:dalam|pada|di|ke) (?:awal |akhir )?jawaban|(?:in|to) (?:the|your) (?:answer|reply|response))\b"
    r"|\b(?:jawaban|balasan|answers?|replies|responses?)\b[^.\n]{0,30}\b(?:dimulai|diawali|diakhiri|begins?|starts?|ends?)\b[^.\n]{0,10}\b(?:dengan|with)\b[^.\n]{0,10}\b(?:kata|kalimat|teks|the words?)\b"
    r"|\b(?:asisten|ai|model|chatbot)\b[^.\n]{0,30}\b(?:harus|wajib|must|should|please)\b[^.\n]{0,20}\b(?:tulis|cetak|jawab|katakan|print|say|write|output|reply|respond)",
    re.IGNORECASE,
)
_VERB = (
    r"\b(?:tulis|tuliskan|cetak|jawab|jawablah|balas|balaslah|katakan|sebutkan|keluarkan|ucapkan|tambahkan|kirim|kirimkan|sertakan|tampilkan|panggil|ungkapkan|dimulai|diawali"
    r"|print|say|write|output|reply|respond|answer|append|include|send|show|call|reveal)\b"
)
_QUOTED = re.compile(_VERB + r"[^\"“‘`\n]{0,80}[\"“‘`]([^\"”’`\n]{2,300})[\"”’`]", re.IGNORECASE)
_BARE = re.compile(r"(?i:" + _VERB + r")[^\n]{0,80}?\b([A-Z][A-Z0-9]*(?:[-_][A-Za-z0-9]+)+|[A-Z0-9]{6,})\b")
_AFTER = re.compile(
    _VERB
    + r"(?:lah)?(?: (?:hanya|saja|only|just|dengan|with|kalimat|kata|teks|the words?|this|ini|that|bahwa))*\s*:?\s+([^.\n\"“]{3,120})",
    re.IGNORECASE,
)


def hidden_orders(text: str) -> tuple[str, ...]:
    """What an instruction hidden in a source wants printed; empty when the source gives none."""
    if not _CUE.search(text):
        return ()
    found = [match[1].strip() for pattern in (_QUOTED, _BARE) for match in pattern.finditer(text)]
    if not found:
        found = [match[1].strip() for match in _AFTER.finditer(text)]
    return tuple(dict.fromkeys(found))


@remembered(most=8_000, longest=10_000)
def orders(sentence: str) -> bool:
    """Whether a sentence speaks to the model instead of the reader."""
    return _CUE.search(sentence) is not None
