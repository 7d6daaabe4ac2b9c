"""The words that Indonesian legal search must know. All lists are our own."""

from __future__ import annotations


def _listed(text: str) -> frozenset[str]:
    """The words of a block of text."""
    return frozenset(text.split())


STOP_WORDS = _listed(
    """
    ada adalah adanya agar akan aku anda antara apa apabila apakah atas atau bagai bagaimana bagaimanakah bagi bahwa baik banyak
    beberapa belum berapa berbagai bila bilamana bisa bisakah boleh bolehkah bukan cara caranya dalam dan dapat dapatkah
    dari daripada dengan di dia dilakukan dimana diri dulu harus haruskah hal halnya hanya ia ialah ini itu itulah jadi jika
    juga kah kalau kami kamu kapan karena ke kemudian kenapa kepada ketika kita lagi lah lain lalu lebih maka mana masih mau
    lakukan lama melakukan melalui memang mengapa mengenai menjadi menurut mereka merupakan mesti misalnya mohon mungkin namun nya oleh pada
    para per perlu pernah pula pun saat saja salah sampai sangat saya seberapa sebagai sebagaimana sebuah secara sedang
    sehingga sejak selain selaku selama seluruh semua seorang seperti serta sesuai setelah setiap siapa siapakah suatu sudah
    supaya tadi tanpa telah tentang tentu terhadap tersebut tetapi tidak tolong untuk yaitu yakni yang
    a an and are be can do does for how i in is it me my of on or please the to what when where which who why
    """
)

ASKING_WORDS = _listed(
    """
    analisa analisis analisislah arti artinya bandingkan beda bedakan bedanya berikan berlaku contoh dasar definisi evaluasi evolusi
    hasil jabarkan jelaskan jelas kaji kajian kasus kuat lengkap maksud maksudnya membandingkan membedakan mendalam mengurus
    mengetahui menganalisis menjelaskan pandangan paparkan pendekatan pengertian penjelasan perbandingan perbedaan perbedaannya
    perkembangan persamaan proses rinci sebelum sebutkan serupa sesudah singkat tahapan tahun telaah terakhir terbaru terkini terkuat
    terlemah tren ulas ulasan uraikan versus vs
    """
)
"""They say what to do with the topic, or how much of it; a passage need not contain them to answer."""

SOURCE_WORDS = frozenset(
    {"preseden", "putusan", "yurisprudensi", "ma", "pasal", "uu", "peraturan", "aturan", "ketentuan"}
)
"""They name a kind of document. Concepts of `CONCEPTS` may stand here too."""

KEPT_WORDS = {
    "advokat": "advokat",
    "banding": "banding",
    "berhak": "hak",
    "cerai": "cerai",
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

CONCEPTS: dict[str, tuple[str, ...]] = {
    "kdrt": ("kekerasan dalam rumah tangga", "kekerasan rumah tangga", "kekerasan domestik", "pkdrt"),
    "tpks": ("tindak pidana kekerasan seksual",),
    "pmh": ("perbuatan melawan hukum", "perbuatan melanggar hukum", "onrechtmatige daad"),
    "phk": ("pemutusan hubungan kerja",),
    "ktp": ("kartu tanda penduduk", "ktp el", "e ktp", "ktp elektronik"),
    "kk": ("kartu keluarga",),
    "ite": ("informasi dan transaksi elektronik",),
    "pdp": ("pelindungan data pribadi", "perlindungan data pribadi"),
    "korupsi": ("tindak pidana korupsi", "tipikor"),
    "ma": ("mahkamah agung",),
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
