// What a conversation can be taken away as.

import { path, send } from "./api.js";
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

/** Offer the forms for a conversation. */
export function openExport(id) {
  conversation = id;
  byId("export").querySelector(".problem-place").replaceChildren();
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

async function save([, what, format, suffix, accept], onProblem) {
  const place = byId("export").querySelector(".problem-place");
  const query = format ? `?format=${format}` : "";
  try {
    const response = await send("GET", path("conversations", conversation, what) + query, { headers: { Accept: accept } });
    const address = URL.createObjectURL(await response.blob());
    const link = make("a", { href: address, download: `courtsight-${format || "percakapan"}.${suffix}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    place.replaceChildren(make("p", { class: "fine" }, "Berkas diunduh."));
    announce("Berkas diunduh.");
  } catch (problem) {
    place.replaceChildren(trouble(problem));
    onProblem(problem);
  }
}
