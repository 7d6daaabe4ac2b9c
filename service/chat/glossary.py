"""English words of law and everyday life with the Indonesian ones that a source would use, so that English answers can be weighed."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ENTRIES = """
abuse kekerasan; accused terdakwa; adult dewasa; age umur; agreement perjanjian; agreements perjanjian; alimony nafkah; annul batal; annulment pembatalan;
appeal banding; applicant pemohon; apply permohonan; approval persetujuan; arbitration arbitrase; assets harta; authority wewenang; authorities pejabat;
bankruptcy pailit; birth lahir; body tubuh; borrower debitur; breach wanprestasi; bribe suap; bribery suap; buyer pembeli; cancel batal; cancellation pembatalan;
card kartu; cassation kasasi; cause sebab; certificate sertifikat; child anak; children anak; citizen warga; citizens warga; civil perdata; claim gugatan;
claims gugatan; company perusahaan; compensation rugi; complaint pengaduan; consent setuju; consumer konsumen; consumers konsumen; contract perjanjian; contracts
perjanjian; conviction putusan; corruption korupsi; court pengadilan; courts pengadilan; creditor kreditur; crime pidana; crimes pidana; criminal pidana; custody asuh;
damage rugi; damages rugi; danger bahaya; data data; date tanggal; deadline tenggat; death mati; debt utang; debtor debitur; deceit tipu; decision putusan;
decisions putusan; deed akta; default wanprestasi; defendant tergugat; dispute sengketa; disputes sengketa; divorce cerai; document dokumen; domestic rumah;
driver pengemudi; driving kemudi; duty wajib; electronic elektronik; employee pekerja; employees pekerja; employer pengusaha; employers pengusaha; employment kerja;
error khilaf; evidence bukti; execution eksekusi; expert ahli; faith iktikad; family keluarga; father ayah; fault salah; fine denda; fines denda; fixed tetap;
foreign asing; fraud tipu; free bebas; gift hadiah; gifts hadiah; good baik; goods barang; government pemerintah; guarantee jamin; guilty salah; harm rugi;
health kesehatan; hearing sidang; heir waris; heirs waris; home rumah; house rumah; household rumah tangga; husband suami; identity identitas; illegal melawan;
imprisonment penjara; imprisoned penjara; inheritance waris; injury luka; injured luka; insurance asuransi; intent sengaja; intention sengaja; intentionally sengaja;
interest bunga; investigation penyidikan; judge hakim; judges hakim; judgment putusan; jurisdiction wewenang; labor kerja; land tanah; lawful halal; lawsuit gugatan; lawyer
advokat; lease sewa; legal hukum; lender kreditur; liability tanggung jawab; liable tanggung jawab; license izin; life hidup; limit batas; loan pinjam; loss rugi;
losses rugi; male pria; man pria; marriage kawin; marriages kawin; married kawin; marry kawin; mediation mediasi; minor anak; mistake khilaf; money uang; mother ibu;
motor motor; murder bunuh; negligence lalai; notary notaris; notice somasi; object hal; obligation kewajib; obligations wajib; obliged wajib; offence pidana;
offense pidana; offenses pidana; officer pejabat; official pejabat; officials pejabat; owner milik; ownership milik; parent orang tua; parents orang tua; parties pihak;
partner mitra; party pihak; pay bayar; payment bayar; penal pidana; penalties pidana; penalty pidana; permission izin; permit izin; person orang; personal pribadi; persons
orang; physical fisik; plaintiff penggugat; police polisi; possess kuasa; pregnant hamil; president presiden; prison penjara; privacy pribadi; private pribadi; probation percobaan;
processing proses; proof bukti; property harta; prosecutor jaksa; protect lindung; protection lindung; prove bukti; proven bukti; psychological psikis; public umum; punish
pidana; punishable pidana; punished pidana; punishment pidana; purpose tuju; register catat; registered catat; registration catat; religion agama; religious agama; rent
sewa; report lapor; requirement syarat; requirements syarat; resign mengundurkan diri; right hak; rights hak; ruling putusan; salary upah; sale jual; sanction sanksi; sanctions
sanksi; sell jual; seller jual; sentence pidana; sentenced pidana; severance pesangon; sexual seksual; sign tanda tangan; signature tanda tangan; skill cakap; spouse suami istri;
statute undang; steal curi; subject subjek; sue gugat; supreme agung; tax pajak; tenant sewa; term waktu; terminate putus; termination putus; theft curi; time waktu; trial
sidang; unlawful melawan hukum; unlawfully melawan hukum; valid sah; validity sah; vehicle kendaraan; verdict putusan; victim korban; victims korban; violence kekerasan; void batal; wage upah; wages
upah; wife istri; witness saksi; witnesses saksi; woman wanita; women wanita; work kerja; worker pekerja; workers pekerja; wound luka; written tulis; wrongful melawan; years tahun;
month bulan; months bulan; days hari; year tahun; must wajib; shall wajib; may boleh; minimum minimal; maximum maksimal; cooling tenggang; request minta; ask minta; consents setuju;
capacity cakap; capable cakap; competence cakap; specific tentu; certain tentu; cause sebab; good-faith iktikad; performance prestasi; perform penuhi; fulfil penuhi; fulfill penuhi;
terms syarat; condition syarat; conditions syarat; state negara; threat ancam; threatened ancam; embezzlement gelap; defamation hina; insult hina; consumer konsumen; business usaha; trade dagang
; probation masa percobaan; period masa; men pria; sets tetap; accept terima; accepts terima; accepted terima; receive terima; receives terima; receiving
terima; give beri; gives beri; giving beri; file ajuan; filed ajukan; files ajukan; live tinggal; lives tinggal; living tinggal; residence tinggal; reside tinggal; resides tinggal; district
negeri; statement keterangan; statements keterangan; testimony keterangan; dispensation dispensasi; urgent mendesak; carry bawa; travel pergi; national nasional; nationally nasional;
possession milik; pain sakit; ill sakit; illness sakit; doctor dokter; photo foto; photos foto; relationship hubungan; causal sebab; restore pulih; original semula; correct betul;
inaccurate akurat; accurate akurat; controller kendali; hide sembunyi; conceal sembunyi; disguise samar; origin asal; proceeds hasil; laundering cuci; state negara; finances keuangan;
opinion pendapat; hear dengar; bride mempelai; groom mempelai; couple mempelai; immovable gerak; movable gerak; several lebih; choose pilih; chosen pilih; domicile domisili;
mediate mediasi; objection keberatan; complaint adu; detention tahan; arrest tangkap; suspect tersangka; bail jamin; confiscate sita; seizure sita; warrant surat; letter surat;
permanent tetap; temporary sementara; resident penduduk; residents penduduk; lost hilang; replace ganti; replacement ganti; renew panjang; extended panjang; extension panjang;
overtime lembur; leave cuti; holiday libur; dismissal phk; dismissed phk; layoff phk; union serikat; strike mogok; wear pakai; helmet helm; accident celaka; speed cepat; road jalan; traffic lalu lintas
"""


def _read(entries: str) -> Mapping[str, str]:
    pairs = (entry.split(maxsplit=1) for entry in re.sub(r"\s+", " ", entries).split(";"))
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


ENGLISH: Mapping[str, str] = _read(_ENTRIES)
"""By English word, the Indonesian word or words."""


def translated(word: str) -> str | None:
    """The Indonesian of an English word; None for one that is not listed."""
    return ENGLISH.get(word)
