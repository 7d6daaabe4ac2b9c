// The dialog that shows a cited passage in full.

import { ask, path } from "./api.js";
import { announce, byId, day, direction, make, openDialog } from "./dom.js";
import { highlighted } from "./prose.js";
import { trouble } from "./trouble.js";
import { STATUS, called } from "./words.js";

const stored = new Map(); // message id -> what the service keeps of it, or the wait for it
const MOST_STORED = 50;

/** What is kept of a message: passages, steps, tools, feedback. */
export async function storedMessage(id) {
  if (!stored.has(id)) {
    if (stored.size >= MOST_STORED) stored.delete(stored.keys().next().value);
    // What is forgotten while it is on its way does not come back: it may be from before a score.
    stored.set(id, ask("GET", path("messages", id)));
  }
  const waiting = stored.get(id);
  try {
    return await waiting;
  } catch (problem) {
    if (stored.get(id) === waiting) stored.delete(id);
    throw problem;
  }
}

export const forgetMessages = () => stored.clear();
export const forgetMessage = (id) => stored.delete(id);

/** How somebody would quote this source. */
export function citationText(citation) {
  const parts = [citation.title, citation.law, citation.article && `Pasal ${citation.article}`, citation.source];
  const flags = [citation.demo && "demonstrasi", !citation.verified && "belum diverifikasi"].filter(Boolean);
  const text = [...new Set(parts.filter(Boolean))].join(", ");
  return flags.length ? `${text} (${flags.join(", ")})` : text;
}

let shown = null;

/** Open the passage behind a citation of a message. */
export async function openPassage(messageId, citation, onProblem) {
  shown = citation;
  byId("passage-title").textContent = `[${citation.number}] ${citation.title}`;
  const body = byId("passage-body");
  const text = make("blockquote", { class: "passage-text", dir: direction(citation.quote || "") }, citation.quote || "");
  const waiting = make("p", { class: "fine" }, "Memuat bunyi lengkap…");
  body.replaceChildren(tags(citation), facts(citation), text, waiting);
  openDialog(byId("passage"), byId("question"));
  byId("passage-title").focus();
  try {
    const message = await storedMessage(messageId);
    if (shown !== citation) return;
    const found = (message.response?.passages || []).find((one) => one.number === citation.number);
    if (found && !found.missing && found.text) {
      text.replaceChildren(...highlighted(found.text, citation.quote));
      waiting.textContent = "Bagian yang disorot adalah yang dipakai dalam jawaban. Teks ini adalah bunyinya ketika jawaban disusun.";
    } else {
      waiting.textContent = "Bunyi lengkapnya tidak tersimpan lagi; yang tampil adalah bagian yang dikutip.";
    }
  } catch (problem) {
    if (shown === citation) waiting.replaceWith(trouble(problem));
    onProblem(problem);
  }
}

function tags(citation) {
  return make("p", {},
    citation.status && citation.status !== "demo" && make("span", { class: citation.status === "berlaku" ? "tag" : "tag warn" }, called(STATUS, citation.status)),
    citation.demo && make("span", { class: "tag warn" }, "Rekaan untuk demonstrasi"),
    make("span", { class: citation.verified ? "tag" : "tag warn" }, citation.verified ? "Terverifikasi" : "Belum diverifikasi"));
}

function facts(citation) {
  const rows = [["Peraturan atau putusan", citation.law], ["Pasal", citation.article], ["Tahun", citation.year],
    ["Sumber", citation.source], ["Keadaan per", citation.as_of && day(citation.as_of)]];
  return make("dl", {}, rows.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]));
}

/** Copy a text; says whether it worked. */
export async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    announce(done);
    return true;
  } catch {
    announce("Tidak dapat menyalin. Pilih teksnya dan salin sendiri.");
    return false;
  }
}

/** Wire the dialog's buttons. */
export function preparePassage() {
  const dialog = byId("passage"), button = byId("copy-citation");
  byId("close-passage").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { button.textContent = "Salin kutipan"; });
  button.addEventListener("click", async () => {
    const worked = await copy(citationText(shown), "Kutipan disalin.");
    button.textContent = worked ? "Kutipan disalin" : "Tidak dapat menyalin";
  });
}
