"""The words that Indonesian legal search must know. All lists are our own."""

from __future__ import annotations


def listed(text: str) -> frozenset[str]:
    """The words of a block of text."""
    return frozenset(text.split())


STOP_WORDS = listed(
    """
    ada adalah adanya agar akan aku anda antara apa apabila apakah atas atau bagai bagaimana bagaimanakah bagi bahwa baik banyak
    beberapa belum berapa berbagai bila bilamana bisa bisakah boleh bolehkah bukan cara caranya dalam dan dapat dapatkah
    dari daripada dengan di dia dilakukan dimana diri dulu harus haruskah hal halnya hanya ia ialah ini itu itulah jadi jika
    juga kah kalau kami kamu kapan karena ke kemudian kenapa kepada ketika kita lagi lah lain lalu lebih maka mana masih mau
    lakukan lama melakukan melalui memang mengapa mengenai menjadi menurut mereka merupakan mesti misalnya mohon mungkin namun nya oleh pada
    para per perlu pernah pula pun saat saja salah sampai sangat saya seberapa sebagai sebagaimana sebuah secara sedang
    sehingga sejak selain selaku selama seluruh semua seorang seperti serta sesuai setelah setiap siapa siapakah suatu sudah
    sekarang kini supaya tadi tanpa telah tentang tentu terhadap tersebut tetapi tidak tolong untuk yaitu yakni yang
    aja begini begitu bgmn blm brp bs bu darimana dgn dlm dong dpt dr ga gak gimana gmn halo hrs indonesia jd jg jo juncto
    kak kalo kasih kemana klo kok kpd krn lg loh ngga nggak nih org pak sbg sblm sdh sih spt stlh sy tapi tdk terima tlg tsb
    ttg utk ya yg
    apaan bakal banget beneran biar cuma doang gitu gua gue gw kayak keburu lewat lo ngapain pas pengen sama soal ternyata terus udah
    a an and are be can do does for how i in is it me my of on or please the to what when where which who why
    """
)

ASKING_WORDS = listed(
    """
    analisa analisis analisislah arti bandingkan beda bedakan benar benarkah berikan berlaku bikin bunyi contoh dasar
    definisi diurus evaluasi evolusi hasil isi jabarkan jelas jelaskan kaji kajian kasus kuat lengkap maksimal maksimum
    maksud membandingkan membedakan mendalam menganalisis mengetahui mengurus menjelaskan minimal minimum mulai ngurus no
    nomor pandangan paparkan pendekatan pengertian penjelasan perbandingan perbedaan perkembangan persamaan proses rinci
    sebelum sebutkan sejarah serupa sesudah singkat tahapan tahun telaah terakhir terbaru terkini terkuat terlemah tren ulas
    ulasan uraikan versus vs kena dikenai dikenakan diam buat istilah kepanjangan singkatan nama
    barusan bilang bilangnya denger dengar dapet dapetnya dapatnya kan katanya kemarin kemaren masing tanya tau tiba mendadak
    ampe bgt dah gmana gmna jgn karna krna sampe skrg trs trus udh y yah
    isn don doesn didn aren
    hrf nmr nomer subs subsidair subsider taun tgl th thn
    januari februari pebruari maret april mei juni juli agustus september oktober november nopember desember
    """
)
"""They say what to do with the topic, how much of it or when; a passage need not contain them to answer."""

SOURCE_WORDS = listed("preseden putusan yurisprudensi ma pasal ayat uu peraturan aturan aturannya ketentuan")
"""They name a kind of document. Concepts of `CONCEPTS` may stand here too."""

SIDE_WORDS = listed(
    """
    akibat akibatnya diajukan mengajukan pengajuan persyaratan prosedur prosedurnya sanksi sanksinya syarat syaratnya unsur
    unsurnya
    """
)
"""They name the side of a topic that is asked for: "syarat perceraian" is about divorce, and an entry on parole ("pembebasan
bersyarat") is not. They steer the search and are no evidence."""

KEPT_WORDS = {
    "advokat": "advokat",
    "banding": "banding",
    "berhak": "hak",
    "cerai": "cerai",
    "cerainya": "cerai",
    "dicerai": "cerai",
    "data": "data",
    "istri": "istri",
    "kekerasan": "kekerasan",
    "kependudukan": "penduduk",
    "pembanding": "banding",
    "penduduk": "penduduk",
    "pengacara": "advokat",
    "pengadilan": "pengadilan",
    "peradilan": "pengadilan",
    "perdata": "perdata",
    "perdataan": "perdata",
    "keperdataan": "perdata",
    "perkara": "perkara",
    "perikatan": "perikatan",
    "perempuan": "perempuan",
    "pernikahan": "kawin",
    "meninggal": "meninggal",
    "menikah": "kawin",
    "nikah": "kawin",
    "perkawinan": "kawin",
    "kawin": "kawin",
    "penggelapan": "penggelapan",
    "putusan": "putusan",
    "suami": "suami",
    "talak": "talak",
    "wasiat": "wasiat",
}
"""Words whose Snowball stem means something else or splits a family of words, with the term they become."""

FAMILIES: dict[str, str] = {
    "chat": "wa whatsapp",
    "curi": "maling kemalingan dimaling nyolong",
    "kawin": "dinikahi menikahi menikahkan dinikahkan",
    "kemudi": "kemudi mengemudi mengemudikan dikemudikan pengemudi",
    "mediasi": "mediasi mediator memediasi dimediasi",
    "mutlak": "absolut",
    "nafkah": "menafkahi",
    "online": "daring",
    "penggelapan": "menggelapkan digelapkan",
    "perkosa": "perkosaan",
    "pidana": "hukuman dihukum menghukum",
    "rampok": "perampokan perampok",
    "retas": "peretasan peretas",
    "rusak": "perusakan perusak",
    "suap": "menyogok disogok sogok sogokan penyogok",
    "tabrak": "menabrak ditabrak tabrakan penabrak tabrak",
    "tahan": "menahan penahanan ditahan tahanan",
    "tangkap": "menangkap penangkapan ditangkap tangkap",
    "telantar": "menelantarkan penelantaran ditelantarkan terlantar diterlantarkan telantar",
    "tipu": "menipu ditipu penipu penipuan tertipu tipu",
    "upah": "gaji digaji penggajian gajiku",
    "utang": "hutang berhutang",
    "waris": "mewarisi diwarisi",
    "zina": "selingkuh berselingkuh perselingkuhan diselingkuhi",
}
"""A term and the words that mean it and that Snowball takes apart ("menipu" into "ipu", "ditipu" into "tipu") or cannot know."""

CONCEPTS: dict[str, tuple[str, ...]] = {
    "kdrt": (
        "kekerasan dalam rumah tangga",
        "kekerasan rumah tangga",
        "kekerasan domestik",
        "pkdrt",
        "memukul istri",
        "pukul istri",
        "dipukul suami",
        "dipukuli suami",
        "memukuli istri",
        "suami memukul",
        "suami kasar",
    ),
    "tpks": ("tindak pidana kekerasan seksual",),
    "pmh": ("perbuatan melawan hukum", "perbuatan melanggar hukum", "onrechtmatige daad"),
    "online": ("online shop", "olshop", "toko online", "belanja online"),
    "pasal": ("ps", "psl"),
    "phk": ("pemutusan hubungan kerja", "dipecat", "memecat", "pemecatan"),
    "ktp": ("kartu tanda penduduk", "ktp el", "e ktp", "ktp elektronik"),
    "kk": ("kartu keluarga",),
    "ite": ("informasi dan transaksi elektronik",),
    "pdp": ("pelindungan data pribadi", "perlindungan data pribadi"),
    "korupsi": ("tindak pidana korupsi", "tipikor"),
    "ma": ("mahkamah agung",),
    "medsos": ("media sosial", "sosmed"),
    "mk": ("mahkamah konstitusi",),
    "uu": ("undang undang",),
    "pk": ("peninjauan kembali",),
    "kuhp": ("kitab undang undang hukum pidana",),
    "kuhperdata": ("kitab undang undang hukum perdata", "kuh perdata", "kuhper", "burgerlijk wetboek", "bw"),
    "kuhap": ("kitab undang undang hukum acara pidana",),
    "ham": ("hak asasi manusia",),
    "haki": ("hak kekayaan intelektual",),
    "pkwt": ("perjanjian kerja waktu tertentu",),
    "sim": ("surat izin mengemudi",),
    "wanprestasi": ("ingkar janji", "cidera janji", "cedera janji"),
}
"""Abbreviation (the term) and the long forms that mean the same."""
