// What the service's closed lists are called for readers.

export const ROLES = { admin: "Pengelola", judge: "Hakim", lawyer: "Advokat", researcher: "Peneliti", public: "Masyarakat" };
export const COMPLEXITY = { simple: "Pertanyaan sederhana", medium: "Pertanyaan menengah", complex: "Pertanyaan kompleks" };
export const OUTCOMES = { ok: "berhasil", empty: "tidak ada hasil", timeout: "melewati batas waktu", error: "gagal" };
export const TOOLS = {
  LegalRetriever: "Pencarian sumber hukum", LawLookup: "Pencarian pasal",
  PrecedentExplorer: "Penelusuran putusan", CaseComparator: "Perbandingan putusan",
};
export const STATUS = { berlaku: "Berlaku", dicabut: "Dicabut", diubah: "Diubah", demo: "Demonstrasi" };
const REFUSALS = {
  unsafe: "Tidak dijawab: pertanyaan ini meminta bantuan untuk tindakan yang melawan hukum atau menyangkut keselamatan diri.",
  injection: "Tidak dijawab: pertanyaan ini mencoba mengubah aturan, peran, atau hak akses layanan.",
  out_of_domain: "Di luar bidang layanan ini: hukum Indonesia.",
  law_not_in_corpus: "Peraturan yang disebut tidak ada dalam koleksi layanan ini.",
  article_not_in_law: "Pasal yang disebut tidak ditemukan dalam peraturan itu di koleksi layanan ini.",
  no_evidence: "Tidak ditemukan sumber yang cukup kuat untuk menjawab.",
};
const LEADS = {
  judge: "Bahan pertimbangan yang netral, tanpa menyimpulkan perkara: peraturan, latar, dan putusan menurut waktu.",
  lawyer: "Dasar hukum dan bahan argumentasi, lengkap dengan sumber yang dapat dikutip.",
  researcher: "Peraturan, pengertian, dan putusan beserta isinya, dengan cakupan yang dinyatakan.",
  admin: "Jawaban dengan sumber, langkah, dan alat yang dipakai.",
  public: "Penjelasan singkat dengan bahasa sehari-hari, dari sumber yang dapat Anda baca sendiri.",
};
const EXAMPLES = {
  judge: ["Apa unsur tindak pidana korupsi dalam KUHP baru?", "Bandingkan putusan tentang pengembalian kerugian negara dari waktu ke waktu",
    "Aturan mana yang berlaku bila undang-undang berubah setelah perbuatan?", "Apa preseden tentang pembuktian KDRT dalam perkara perceraian?"],
  lawyer: ["Dasar hukum gugatan wanprestasi kontrak bisnis", "Apa beda wanprestasi dan perbuatan melawan hukum?",
    "Bagaimana tenggat banding dan kasasi?", "Apa syarat pembelaan terpaksa?"],
  researcher: ["Bagaimana perkembangan aturan pidana korupsi?", "Apa hubungan KUHP lama dan KUHP baru?",
    "Apa itu asas legalitas?", "Uraikan putusan tentang penyalahgunaan kewenangan"],
  public: ["Apa itu hukum pidana?", "Bagaimana cara mengajukan gugatan cerai?", "Apa hak saya bila dipecat tanpa alasan?",
    "Bagaimana melaporkan kekerasan dalam rumah tangga?"],
};

export const refusal = (reason) => REFUSALS[reason] || "";
export const lead = (role) => LEADS[role] || LEADS.public;
export const examples = (role) => EXAMPLES[role] || (role === "admin" ? EXAMPLES.researcher : EXAMPLES.public);
export const called = (table, name) => (Object.hasOwn(table, name) ? table[name] : String(name));

/** A step's words with tools and roles as readers know them; the service names them as its API does. */
export const inOurWords = (text) => text
  .replace(/^Menjalankan (\w+)$/, (whole, tool) => (Object.hasOwn(TOOLS, tool) ? TOOLS[tool] : whole))
  .replace(/\w+(?= untuk )/g, (word) => called(TOOLS, word))
  .replace(/(?<= Tidak tersedia bagi peran )(\w+): ([\w, ]+)\.$/, (_, role, tools) => `${called(ROLES, role)}: ${tools.split(", ").map((one) => called(TOOLS, one)).join(", ")}.`);

/** A score in words and as a number. */
export function confidence(score, decimal) {
  const word = score >= 0.75 ? "tinggi" : score >= 0.5 ? "sedang" : "rendah";
  return `Keyakinan ${word} (${decimal(score)})`;
}

/** Who wrote an answer. */
export const writer = (model) => (model === "extractive" ? "Disusun tanpa model bahasa" : `Disusun oleh model ${model}`);
