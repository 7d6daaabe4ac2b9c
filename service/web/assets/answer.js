// One answer on the page: its text, what is known of it, its sources, steps and feedback.

import { ask, path } from "./api.js";
import { decimal, direction, make, number } from "./dom.js";
import { copy, forgetMessage, openPassage, storedMessage } from "./passage.js";
import { prose } from "./prose.js";
import { trouble } from "./trouble.js";
import { COMPLEXITY, OUTCOMES, TOOLS, called, confidence, inOurWords, refusal, writer } from "./words.js";

let serial = 0;

/** The article of one answer. `onProblem` hears of every failure, so that a session that ended is noticed. */
export class AnswerView {
  constructor(onProblem) {
    this.onProblem = onProblem;
    this.text = "";
    this.steps = [];
    this.drawing = 0;
    const id = `answer-${++serial}`;
    this.title = make("h2", { class: "hidden-text", id }, "Jawaban");
    this.working = make("p", { class: "working" }, "Menyusun jawaban…");
    this.prose = make("div", { class: "prose" });
    this.under = make("div");
    this.stepsList = make("ol", { class: "steps" });
    this.stepsTitle = make("summary", {}, "Langkah dan alat");
    this.details = make("details", { hidden: true }, this.stepsTitle, this.stepsList);
    this.node = make("article", { class: "answer", "aria-labelledby": id, "aria-busy": "true" },
      this.title, this.working, this.prose, this.under, this.details);
  }

  step(step) {
    this.steps.push(step);
    this.stepsList.append(stepItem(step));
    this.details.hidden = false;
    this.stepsTitle.textContent = `Langkah dan alat (${this.steps.length})`;
    this.working.textContent = `${inOurWords(step.title)}…`;
  }

  delta(text) {
    this.text += text;
    // Drawn once for all the pieces of a frame.
    this.drawing ||= requestAnimationFrame(() => { this.drawing = 0; this.draw([], null); });
  }

  draw(citations, messageId) {
    cancelAnimationFrame(this.drawing);
    this.drawing = 0;
    const known = new Map(citations.map((citation) => [citation.number, citation]));
    const nodes = prose(this.text, (mark) => {
      const citation = known.get(mark);
      return citation ? make("button", {
        type: "button", class: "cite", lang: "id", "aria-label": `Sumber ${mark}: ${citation.title}`, click: () => this.open(messageId, citation),
      }, `[${mark}]`) : null; // in brackets: copied, "lima 2 tahun" would be another sentence
    });
    // What has not changed stays: somebody may have selected it while the rest comes.
    const there = [...this.prose.childNodes], changed = there.findIndex((node, at) => !nodes[at]?.isEqualNode(node));
    const kept = changed < 0 ? there.length : changed;
    for (const node of there.slice(kept)) node.remove();
    this.prose.append(...nodes.slice(kept));
  }

  /** Our own words speak the answer's language, for screen readers; a line that the extractive engine marks is its source's, in Indonesian. */
  speak(answer) {
    if (answer.language !== "en") return;
    for (const node of [this.prose, ...this.under.querySelectorAll(".own-words"), ...this.stepsList.querySelectorAll(".own-words")]) node.lang = "en";
    if (answer.model !== "extractive") return;
    for (const mark of this.prose.querySelectorAll(".cite")) mark.closest("p, li, h3").lang = "id";
  }

  open(messageId, citation) { openPassage(messageId, citation, this.onProblem); }

  /** The whole answer, as `done` of a stream brings it. */
  finish(done) {
    this.text = done.answer;
    this.settle();
    this.draw(done.citations, done.id);
    this.under.replaceChildren(...[refused(done), notices(done), meta(done), this.sources(done.id, done.citations)].filter(Boolean));
    this.showSteps(done.reasoning_steps, done.tool_calls);
    this.speak(done);
    this.node.append(this.actions(), this.feedback(done.id, null));
  }

  /** An answer of the history: what else is known of it comes when somebody opens it. */
  restore(message) {
    this.text = message.content;
    this.settle();
    const citations = message.citations || [];
    this.draw(citations, message.id);
    const sources = this.sources(message.id, citations);
    this.told = notices(message);
    this.under.append(...[this.told, sources].filter(Boolean));
    this.speak(message);
    this.details.hidden = false;
    this.details.addEventListener("toggle", () => this.fetchSteps(message.id), { once: true });
    this.node.append(this.actions(), this.feedback(message.id, message.id));
  }

  async fetchSteps(messageId) {
    this.stepsList.replaceChildren(make("li", {}, "Memuat langkah…"));
    try {
      const { response } = await storedMessage(messageId);
      if (!response) {
        this.stepsList.replaceChildren(make("li", {}, "Langkahnya tidak tersimpan lagi."));
        return;
      }
      this.showSteps(response.reasoning_steps || [], response.tool_calls || []);
      this.told?.remove(); // they come once more, among the rest
      this.under.prepend(...[refused(response), notices(response), meta(response)].filter(Boolean));
      this.speak(response);
    } catch (problem) {
      this.stepsList.replaceChildren(make("li", {}, trouble(problem, () => { this.stepsTitle.focus(); this.fetchSteps(messageId); })));
      this.onProblem(problem);
    }
  }

  showSteps(steps, tools) {
    const used = tools.map((tool) => make("li", {}, make("strong", {}, called(TOOLS, tool.tool_name)), ` ${called(OUTCOMES, tool.outcome)}, ${number(tool.results)} hasil`));
    this.stepsList.replaceChildren(...steps.map(stepItem), ...used);
    this.details.hidden = !steps.length && !tools.length;
    this.stepsTitle.textContent = `Langkah dan alat (${steps.length + tools.length})`;
  }

  settle() {
    this.working.remove();
    this.node.setAttribute("aria-busy", "false");
  }

  /** The answer ended without its end: what came stays, and says that it is not whole. */
  fail(box) {
    if (this.drawing) this.draw([], null);
    this.settle();
    if (this.text) this.under.append(make("p", { class: "notice" }, "Jawaban ini belum lengkap dan tidak tersimpan."));
    this.under.append(box);
  }

  sources(messageId, citations) {
    if (!citations.length) return null;
    return make("section", { class: "sources", "aria-label": "Sumber jawaban" }, make("h3", {}, `Sumber (${citations.length})`),
      make("ol", {}, citations.map((citation) => make("li", {}, make("button", { type: "button", click: () => this.open(messageId, citation) },
        make("span", { class: "number" }, String(citation.number)),
        make("span", {}, make("bdi", { dir: direction(citation.title) }, citation.title), make("span", { class: "under" }, underTitle(citation))))))));
  }

  actions() {
    const button = make("button", { type: "button", class: "quiet", click: async () => {
      button.textContent = await copy(this.text, "Jawaban disalin.") ? "Jawaban disalin" : "Tidak dapat menyalin";
    } }, "Salin jawaban");
    return make("p", {}, button);
  }

  feedback(messageId, known) {
    const form = feedbackForm(messageId, this.onProblem);
    const details = make("details", {}, make("summary", {}, "Nilai jawaban ini"), form.node);
    if (known) details.addEventListener("toggle", async () => {
      try { form.fill((await storedMessage(known)).feedback); } catch (problem) { this.onProblem(problem); }
    }, { once: true });
    return details;
  }
}

function stepItem(step) {
  return make("li", { class: "own-words" }, make("strong", {}, inOurWords(step.title)), step.detail ? ` ${inOurWords(step.detail)}` : "");
}

function underTitle(citation) {
  return [citation.law, citation.article && `Pasal ${citation.article}`, citation.demo && "rekaan untuk demonstrasi",
    !citation.demo && !citation.verified && "belum diverifikasi"].filter(Boolean).join(" · ");
}

function refused(answer) {
  const why = refusal(answer.refusal_reason);
  return why && make("p", { class: "notice" }, why);
}

function notices(answer) {
  if (!answer.notices?.length) return null;
  return make("div", { class: "notice own-words" }, make("ul", {}, answer.notices.map((one) => make("li", {}, one))));
}

function meta(answer) {
  const parts = [called(COMPLEXITY, answer.complexity), answer.confidence_score > 0 && confidence(answer.confidence_score, decimal),
    writer(answer.model), answer.cached && "Jawaban dari simpanan"].filter(Boolean);
  return make("ul", { class: "meta", "aria-label": "Tentang jawaban ini" }, parts.map((part) => make("li", {}, part)));
}

const SCORES = ["Sangat buruk", "Buruk", "Cukup", "Baik", "Sangat baik"];

function feedbackForm(messageId, onProblem) {
  const group = `score-${messageId}`;
  const radios = SCORES.map((word, index) => make("input", { type: "radio", name: group, value: index + 1 }));
  const comment = make("textarea", { id: `comment-${messageId}`, rows: 3, maxlength: 2000, dir: "auto" });
  const told = make("p", { class: "fine", role: "status" });
  const place = make("div");
  const node = make("form", { class: "feedback", submit: send, input: () => { told.textContent = ""; } },
    make("fieldset", {}, make("legend", {}, "Seberapa membantu jawaban ini?"),
      make("div", { class: "scores" }, radios.map((radio, index) => make("label", {}, radio, `${index + 1} ${SCORES[index]}`)))),
    make("label", { for: comment.id }, "Komentar (boleh kosong)"), comment, place,
    make("button", { type: "submit" }, "Kirim penilaian"), told);

  async function send(event) {
    event.preventDefault();
    const chosen = radios.find((radio) => radio.checked);
    if (!chosen) {
      told.textContent = "Pilih nilai 1 sampai 5 lebih dahulu.";
      radios[0].focus();
      return;
    }
    const body = { score: Number(chosen.value), ...(comment.value.trim() ? { comment: comment.value.trim() } : {}) };
    place.replaceChildren();
    told.textContent = ""; // thanks for the score from before would stand beside a failure, and not be said again
    try {
      await ask("PUT", path("messages", messageId, "feedback"), { body });
      forgetMessage(messageId); // it holds the score from before
      told.textContent = "Terima kasih, penilaian Anda tersimpan.";
    } catch (problem) {
      place.replaceChildren(trouble(problem));
      onProblem(problem);
    }
  }

  function fill(feedback) {
    // Whoever has chosen already, or begun to write, is not overruled by what comes late.
    if (!feedback || radios.some((radio) => radio.checked) || comment.value) return;
    const radio = radios[feedback.score - 1];
    if (radio) radio.checked = true;
    comment.value = feedback.comment || "";
  }
  return { node, fill };
}
