// What a conversation can be taken away as.

import { askFile, path } from "./api.js";
import { announce, byId, make, openDialog } from "./dom.js";
import { trouble } from "./trouble.js";

const FORMS = [
  ["Seluruh percakapan (berkas JSON untuk arsip)", "export", null, "json", "application/json"],
  ["Sumber: gaya Mahkamah Agung (teks)", "citations", "ma_indonesia", "txt", "text/plain"],
  ["Sumber: gaya APA edisi 7 (teks)", "citations", "apa", "txt", "text/plain"],
  ["Sumber: BibTeX (untuk LaTeX)", "citations", "bibtex", "bib", "*/*"],
  ["Sumber: CSL-JSON (untuk Zotero)", "citations", "csl-json", "json", "*/*"],
  ["Sumber: RIS (untuk Mendeley atau EndNote)", "citations", "ris", "ris", "*/*"],
];

let conversation = null;
const coming = new Set(); // addresses of the files that are on their way, and whether paper is

/** Offer the forms for a conversation. */
export function openExport(id) {
  conversation = id;
  tell(null);
  openDialog(byId("export"), byId("question"));
}

/** Fill the dialog once. `loadAll()` loads what is not there yet of a long conversation, and says whether all of it is. */
export function prepareExport(onProblem, loadAll) {
  byId("print").addEventListener("click", () => print(loadAll));
  byId("export-list").append(...FORMS.map((form) => make("li", {}, make("button", { type: "button", click: () => save(form, onProblem) }, form[0]))));
}

/** Paper gets the whole conversation, or nothing: nobody sees there what is missing. */
async function print(loadAll) {
  if (coming.has(print)) return;
  const id = conversation;
  coming.add(print);
  tell(make("p", { class: "working" }, "Memuat seluruh percakapan…"));
  const all = await loadAll();
  coming.delete(print);
  if (id !== conversation || !byId("export").open) return;
  if (!all) {
    tell(make("p", { class: "problem", role: "alert" }, "Belum seluruh percakapan termuat, jadi belum dicetak. Coba lagi."));
    return;
  }
  byId("export").close(); // an open dialog is printed alone
  window.print();
}

/** What is known of the file that was asked for last, or nothing. */
function tell(node) {
  const place = byId("export").querySelector(".problem-place");
  place.replaceChildren(...[node].filter(Boolean));
  node?.scrollIntoView({ block: "nearest" }); // below the list, and on a phone below the window
}

async function save([, what, format, suffix, accept], onProblem) {
  const id = conversation, address = path("conversations", id, what) + (format ? `?format=${format}` : "");
  if (coming.has(address)) return; // pressed twice: the same file would come twice
  coming.add(address);
  tell(make("p", { class: "working" }, "Menyiapkan berkas…"));
  announce("Menyiapkan berkas.");
  try {
    const held = URL.createObjectURL(await askFile(address, { headers: { Accept: accept } }));
    const link = make("a", { href: held, download: `courtsight-${format || "percakapan"}.${suffix}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(held), 10_000);
    if (id === conversation) tell(make("p", { class: "fine" }, "Berkas diunduh."));
    announce("Berkas diunduh.");
  } catch (problem) {
    if (id === conversation) tell(trouble(problem));
    onProblem(problem);
  } finally {
    coming.delete(address);
  }
}
