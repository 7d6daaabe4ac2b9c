// Requests to the service that this page came from, and what their failures mean to a reader.

export class Problem extends Error {
  /** `code` is one of docs/http-api.md, or `offline`, `cut`, `no_cookie`; `seconds` is how long to wait, `request` what to quote when reporting it. */
  constructor(code, { status = 0, seconds = 0, request = "" } = {}) {
    super(code);
    this.code = code;
    this.status = status;
    this.seconds = seconds;
    this.request = request;
  }
}

const SESSION_OVER = new Set(["unauthenticated", "token_expired", "token_revoked"]);

export const endsSession = (problem) => problem instanceof Problem && SESSION_OVER.has(problem.code);

/** A response, or a Problem. A body becomes JSON; `signal` may abort. */
export async function send(method, path, { body, headers = {}, signal } = {}) {
  const options = { method, headers: { ...headers }, signal, credentials: "same-origin", cache: "no-store", redirect: "error" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("offline");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** The JSON of an answer, or null of one without a body. */
export const ask = async (method, path, options) => whole(await send(method, path, options), (response) => (response.status === 204 ? null : response.json()));

/** A file, as a Blob. */
export const askFile = async (path, options) => whole(await send("GET", path, options), (response) => response.blob());

/** The body as `read` takes it; one that is cut or no JSON is a Problem too. */
async function whole(response, read) {
  try {
    return await read(response);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("cut");
  }
}

const BY_STATUS = { 413: "too_large", 429: "rate_limited", 504: "timeout" };

async function problemOf(response) {
  let told = {};
  try { told = await response.json(); } catch { /* a proxy's own page: its status says enough */ }
  const seconds = waitOf(response.headers.get("Retry-After") ?? "0");
  const code = typeof told.code === "string" ? told.code : BY_STATUS[response.status] ?? (response.status >= 500 ? "not_ready" : "internal");
  return new Problem(code, { status: response.status, seconds, request: response.headers.get("X-Request-Id") || "" });
}

/** `Retry-After` in whole seconds: a number, or the moment that a proxy names instead. */
function waitOf(told) {
  const seconds = Number(told);
  return Math.max(0, Math.ceil(Number.isNaN(seconds) ? (Date.parse(told) - Date.now()) / 1000 : seconds) || 0);
}

export const path = (...parts) => "/v1/" + parts.map(encodeURIComponent).join("/");

const WORDS = {
  offline: ["Tidak tersambung ke layanan", "Periksa sambungan internet Anda. Bila baik, mungkin layanan sedang dimulai ulang: coba lagi sebentar lagi."],
  cut: ["Jawaban terputus", "Sambungan berakhir sebelum jawaban selesai. Coba lagi; pertanyaan yang sama tidak akan dihitung dua kali."],
  invalid_credentials: ["Nama pengguna atau kata sandi salah", "Periksa ejaan dan huruf besar-kecilnya, lalu coba lagi."],
  no_cookie: ["Peramban Anda tidak menyimpan sesi", "Izinkan kuki untuk situs ini, dan buka halaman ini lewat alamat resminya (https). Lalu masuk lagi."],
  unauthenticated: ["Sesi Anda berakhir", "Masuk lagi untuk melanjutkan. Yang sudah Anda ketik tetap ada."],
  permission_required: ["Peran Anda tidak berwenang untuk ini", "Bila Anda memerlukannya, hubungi pengelola layanan."],
  origin_refused: ["Permintaan ditolak", "Buka halaman ini lewat alamat resminya, lalu coba lagi."],
  not_found: ["Tidak ditemukan", "Mungkin sudah dihapus. Muat ulang riwayat atau mulai percakapan baru."],
  invalid_request: ["Permintaan tidak dapat dibaca", "Persingkat atau ubah teksnya, lalu coba lagi."],
  too_large: ["Teks terlalu panjang", "Persingkat teksnya, lalu coba lagi."],
  rate_limited: ["Terlalu banyak permintaan", "Batas untuk sementara tercapai. Tunggu dulu, lalu coba lagi."],
  idempotency_busy: ["Jawaban masih disusun", "Tunggu sebentar, lalu coba lagi."],
  idempotency_mismatch: ["Pertanyaan ini sudah berubah", "Kirim pertanyaan Anda sebagai pertanyaan baru."],
  storage_unavailable: ["Jawaban belum dapat disimpan", "Penyimpanan layanan sedang terganggu. Coba lagi sebentar lagi."],
  not_ready: ["Layanan belum siap", "Layanan sedang dimulai atau dipelihara. Coba lagi sebentar lagi."],
  provider_unavailable: ["Model bahasa tidak tersedia", "Coba lagi sebentar lagi."],
  timeout: ["Waktu habis", "Jawaban memerlukan waktu terlalu lama. Coba lagi, atau persempit pertanyaannya."],
  internal: ["Terjadi kesalahan pada layanan", "Coba lagi. Bila berulang, laporkan kepada pengelola layanan."],
};
const SAME = { token_expired: "unauthenticated", token_revoked: "unauthenticated", ambiguous_credentials: "unauthenticated" };

/** What happened and what to do, in plain words. */
export function explain(problem) {
  const code = problem instanceof Problem ? problem.code : "internal";
  const [title, advice] = WORDS[SAME[code] || code] || WORDS.internal;
  return { title, advice };
}
