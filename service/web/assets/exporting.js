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
const coming = new Set(); // addresses of the files that are on their way

/** Offer the forms for a conversation. */
export function openExport(id) {
  conversation = id;
  tell(null);
  openDialog(byId("export"), byId("question"));
}

/** Fill the dialog once. */
export function prepareExport(onProblem) {
  byId("print").addEventListener("click", () => {
    byId("export").close(); // an open dialog is printed alone
    window.print();
  });
  byId("export-list").append(...FORMS.map((form) => make("li", {}, make("button", { type: "button", click: () => save(form, onProblem) }, form[0]))));
}

/** What is known of the file that was asked for last, or nothing. */
function tell(...nodes) { byId("export").querySelector(".problem-place").replaceChildren(...nodes.filter(Boolean)); }

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
