// The page: what is asked, and what is shown.

import { AnswerView } from "./answer.js";
import { Problem, ask, endsSession, path, send } from "./api.js";
import { announce, byId, byThumb, direction, make, number, standAt } from "./dom.js";
import { Door } from "./door.js";
import { readEvents } from "./events.js";
import { openExport, prepareExport } from "./exporting.js";
import { History, UNNAMED } from "./history.js";
import { forgetMessages, preparePassage } from "./passage.js";
import { forgetQuestion, keepQuestion, keptQuestion, newKey } from "./unanswered.js";
import { trouble } from "./trouble.js";
import { ROLES, called, examples, lead } from "./words.js";

const MOST_LETTERS = 5000;
const UNFIT = new Set(["invalid_request", "too_large"]);
const NEW = "Percakapan baru";
let conversation = null; // the id that the next question belongs to
let running = null; // the question that is being answered
let rest = null; // the cursor of a long conversation
let loading = 0; // the screen for which a page of messages is on its way
const given = new Set(); // ids of the answers that came since the conversation was opened
let showing = 0; // counts what is on screen, so that a late answer never lands in another conversation

const history = new History({ open: openConversation, gone: conversationGone, renamed: conversationRenamed, onProblem: heard });

function heard(problem) { if (endsSession(problem)) door.sessionOver(); }

// Coming and going

const door = new Door({ entered, covered, forgotten });

function entered(me, again) {
  byId("who").textContent = `${me.username} · ${called(ROLES, me.role)}`;
  byId("welcome-lead").textContent = lead(me.role);
  byId("examples").replaceChildren(...examples(me.role).map((text) =>
    make("li", {}, make("button", { type: "button", click: () => submit(text) }, text))));
  if (!again) {
    openPlace();
    takeUp();
  }
  titled();
  history.load();
  toField();
}

function covered() {
  running?.abort.abort();
  closeAll();
}

function forgotten() {
  byId("question").value = "";
  count();
  history.clear();
  forgetMessages();
  forgetQuestion();
  startConversation();
  goTo(null, "replaceState");
}

/** Nothing stays open over something else. */
function closeAll() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  toggleHistory(false, false);
}

/** To the field, or for whoever reads with their thumbs to the heading: no keyboard may cover what just came. */
function toField() { byId(byThumb() ? "conversation-title" : "question").focus({ preventScroll: true }); }

/** What was asked and not answered when this tab was loaded again, or turned to another conversation, stands in the field again. */
function takeUp() {
  const left = keptQuestion(door.me.username);
  if (left && left.conversation === placed()) giveBack(left.message);
}

function giveBack(message) {
  if (byId("question").value) return;
  byId("question").value = message;
  count();
  announce("Pertanyaan Anda yang belum terjawab ada lagi di kotak pertanyaan.");
}

// Conversations

/** The address names the open conversation, so that a reload and the way back lead to it. */
const placed = () => new URLSearchParams(location.search).get("percakapan");

function goTo(id, step = "pushState") {
  if (placed() !== id) window.history[step](null, "", id ? `/?${new URLSearchParams({ percakapan: id })}` : "/");
}

function openPlace() {
  const id = placed();
  if (id) openConversation({ conversation_id: id });
  else startConversation();
}

function titled(text) {
  const title = byId("conversation-title");
  if (text !== undefined) title.textContent = text;
  title.dir = direction(title.textContent) ?? "";
  document.title = `${byId("conversation-title").textContent} · CourtSight`;
}

function startConversation() {
  running?.abort.abort();
  showing += 1;
  conversation = rest = null;
  given.clear();
  byId("exchange").after(byId("older-next"));
  byId("exchange").replaceChildren();
  byId("welcome").hidden = false;
  byId("show-export").hidden = byId("older-next").hidden = true;
  titled(NEW);
  history.mark(null);
}

async function openConversation({ conversation_id: id, title }) {
  startConversation();
  toggleHistory(false, false);
  byId("welcome").hidden = true;
  conversation = id;
  goTo(id);
  titled(title);
  history.mark(id);
  if (!await morePages()) return;
  toField();
  announce("Percakapan dibuka.");
}

/** Put in what was said before: above what was asked since the conversation was opened, if anything was. */
function putIn(...nodes) {
  const button = byId("older-next");
  if (button.parentNode === byId("exchange")) button.before(...nodes);
  else byId("exchange").append(...nodes);
}

/** The next page, with the focus where it begins: the button is gone with the last one, or stands below what came. */
async function readOn() {
  const before = new Set(byId("exchange").children);
  if (document.activeElement.closest(".unread")) byId("conversation-title").focus({ preventScroll: true }); // the button that was pressed goes
  if (!await morePages()) return;
  const came = [...byId("exchange").children].filter((one) => !before.has(one) && one.matches(".asked, .answer"));
  if (came.length) standAt(came[0]);
  announce(`${number(came.length)} pesan dimuat.`);
}

/** Whether there was another page, and it is still wanted. */
async function morePages() {
  if (loading === showing) return false; // pressed twice: the same page would come twice
  const round = loading = showing, id = conversation;
  const waiting = make("p", { class: "working" }, "Memuat percakapan…");
  document.querySelector(".unread")?.remove(); // what failed before is tried again
  putIn(waiting);
  const query = new URLSearchParams({ limit: 100, ...(rest ? { cursor: rest } : {}) });
  try {
    const found = await ask("GET", `${path("conversations", id)}?${query}`);
    if (round !== showing) return false;
    rest = found.next_cursor;
    titled(found.title || UNNAMED);
    byId("older-next").hidden = !rest;
    byId("show-export").hidden = false;
    // What was asked and answered meanwhile stands there already.
    const unseen = found.messages.filter(({ id }, at, all) => !given.has(id) && !given.has(all[at + 1]?.id));
    putIn(...unseen.map(restored));
    return true;
  } catch (problem) {
    if (round !== showing) return false;
    const missing = problem.code === "not_found";
    if (missing) { // it was deleted, or is somebody else's: no question may go there
      startConversation();
      goTo(null, "replaceState");
    }
    putIn(make("div", { class: missing ? null : "unread" }, trouble(problem, missing ? null : readOn)));
    heard(problem);
    return false;
  } finally {
    waiting.remove();
    if (loading === round) loading = 0;
  }
}

/** Load all that is left of a long conversation; says whether all of it is there. */
async function loadAll() {
  while (rest || document.querySelector(".unread")) if (!await morePages()) return false;
  return true;
}

function restored(message) {
  if (message.author === "user") return asked(message.content, message.language);
  const view = new AnswerView(heard);
  view.restore(message);
  return view.node;
}

function conversationGone(id) {
  if (id !== conversation) return;
  startConversation();
  goTo(null, "replaceState");
  toField();
}

function conversationRenamed(id, title) { if (id === conversation) titled(title); }

function toggleHistory(open, refocus = true) {
  byId("history").dataset.open = String(open);
  byId("show-history").setAttribute("aria-expanded", String(open));
  for (const covered of document.querySelectorAll(".skip, .top, #chat")) covered.inert = open;
  if (!refocus) return;
  byId(open ? "hide-history" : "show-history").focus();
}

// Asking

function asked(text, language) {
  const words = make("bdi", { dir: "auto", lang: language === "en" ? "en" : null }, text);
  return make("div", { class: "asked" }, make("h2", {}, make("span", { class: "hidden-text" }, "Pertanyaan: "), words));
}

const letters = (text) => [...text].length;

function count() {
  const used = letters(byId("question").value), over = used > MOST_LETTERS, place = byId("count");
  place.textContent = `${number(used)} / ${number(MOST_LETTERS)}${over ? ", terlalu panjang" : ""}`;
  place.dataset.over = String(over);
  byId("question").setAttribute("aria-invalid", String(over));
}

function submit(text) {
  const message = text.trim();
  if (!message) return;
  if (running) {
    announce("Jawaban masih disusun. Tunggu sampai selesai, atau hentikan lebih dahulu.");
    return;
  }
  if (letters(message) > MOST_LETTERS) {
    announce(`Pertanyaan terlalu panjang: paling banyak ${number(MOST_LETTERS)} huruf.`);
    return;
  }
  if (text === byId("question").value) byId("question").value = "";
  count();
  byId("welcome").hidden = true;
  const question = asked(message), first = !byId("exchange").childElementCount;
  if (byId("older-next").parentNode !== byId("exchange")) byId("exchange").append(byId("older-next")); // between what was said before, loaded or on its way, and what is new
  byId("exchange").append(question);
  if (byThumb()) byId("question").blur(); // the keyboard would cover the answer
  const left = keptQuestion(door.me.username);
  // With its own key: an answer that was kept meanwhile comes back instead of a second one.
  const same = left && left.message === message && left.conversation === conversation;
  answer({ message, conversation, key: same ? left.key : newKey() });
  (first ? byId("chat") : question).scrollIntoView({ block: "start" });
}

/** Ask; a retry is the same question with the same key, and takes the place of the answer that failed. */
async function answer(question, failed) {
  if (running) return;
  const view = new AnswerView(heard), round = showing;
  const run = running = { abort: new AbortController() };
  if (failed) failed.replaceWith(view.node);
  else byId("exchange").append(view.node);
  document.querySelector(".answer.fresh")?.classList.remove("fresh");
  view.node.classList.add("fresh");
  asking(true);
  keepQuestion(door.me.username, question);
  announce("Menyusun jawaban.");
  try {
    const done = await streamed(question, view, run.abort.signal);
    forgetQuestion();
    if (round === showing) finished(done, view, question);
  } catch (problem) {
    if (run.abort.signal.aborted && door.view === "desk") forgetQuestion(); // else a session ended, and nobody stopped it
    if (round === showing) broken(problem, view, question);
    else if (door.me) giveBack(question.message);
  } finally {
    if (running === run) running = null;
    asking(running !== null);
  }
}

async function streamed({ message, conversation: id, key }, view, signal) {
  const body = { message, stream: true, ...(id ? { conversation_id: id } : {}) };
  const response = await send("POST", path("chat"), { body, headers: { "Idempotency-Key": key, Accept: "text/event-stream" }, signal });
  try {
    for await (const [event, told] of readEvents(response.body)) {
      if (event === "step") view.step(told);
      else if (event === "delta") view.delta(told.text);
      else if (event === "done") return told;
      else if (event === "error") throw new Problem(told.code, { status: told.status, request: told.request_id });
    }
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    throw new Problem("cut"); // the connection broke, or what came was no event of ours
  }
  throw new Problem("cut");
}

function finished(done, view, question) {
  view.finish(done);
  if (done.language === "en") view.node.previousElementSibling.querySelector("bdi").lang = "en"; // its question
  const fresh = !question.conversation;
  conversation = done.conversation_id;
  given.add(done.id);
  goTo(conversation);
  byId("show-export").hidden = false;
  if (fresh) titled([...question.message.replace(/[\t\n\r\u0085\u2028\u2029]+/g, " ")].slice(0, 80).join("").trimEnd()); // as the service names it
  history.load();
  history.mark(conversation);
  announce(done.citations.length ? `Jawaban selesai, ${done.citations.length} sumber.` : "Jawaban selesai, tanpa sumber.");
}

function broken(problem, view, question) {
  const again = () => { answer(asHere(question), view.node); toField(); };
  if (problem.name === "AbortError" && document.body.dataset.view !== "desk") {
    view.fail(trouble(new Problem("cut"), again)); // the session ended, nobody stopped it
    return;
  }
  if (problem.name === "AbortError") {
    const button = make("button", { type: "button", click: again }, "Tanyakan lagi");
    view.fail(make("div", { class: "stopped" }, make("p", {}, "Dihentikan atas permintaan Anda."), button));
    announce("Dihentikan.");
    return;
  }
  if (UNFIT.has(problem.code)) {
    view.fail(trouble(problem, () => takeBack(question, view), "Ubah pertanyaan"));
    return;
  }
  // Its conversation was deleted meanwhile: asked there again it would never be answered.
  const gone = problem.code === "not_found" && question.conversation !== null;
  view.fail(gone ? trouble(problem, () => askAnew(question.message), "Tanyakan dalam percakapan baru") : trouble(problem, again));
  heard(problem);
}

/** What the service cannot take would be refused again: it goes back into the field, before what was begun there, to be changed. */
function takeBack({ message }, view) {
  const field = byId("question");
  field.value = [message, field.value].filter(Boolean).join("\n\n");
  count();
  view.node.previousElementSibling.remove();
  view.node.remove();
  if (!conversation && !document.querySelector("#exchange .asked")) startConversation();
  field.focus();
}

/** A first question that failed belongs to the conversation that another one began meanwhile; its key was of a question without one. */
function asHere(question) {
  return question.conversation === conversation ? question : { message: question.message, conversation, key: newKey() };
}

function askAnew(message) {
  if (running) return;
  startConversation();
  goTo(null);
  history.load();
  submit(message);
  toField();
}

function asking(yes) {
  byId("stop").hidden = !yes;
  byId("send").hidden = yes;
}

// Wiring

function onKey(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // Safari ends a composition before it tells of the Enter that did so
  event.preventDefault();
  submit(byId("question").value);
}

/** How high header and field are, for the style sheet: a name with several lines, or a long draft, must cover nothing that has the focus. */
function measure() {
  for (const [name, node] of [["--over", document.querySelector(".top")], ["--under", byId("ask")]]) {
    new ResizeObserver(() => document.documentElement.style.setProperty(name, `${node.offsetHeight}px`)).observe(node);
  }
}

function prepare() {
  measure();
  window.addEventListener("popstate", () => {
    if (!door.me || placed() === conversation) return;
    closeAll(); // an export or a deletion of what is no longer seen
    openPlace();
  });
  matchMedia("(max-width: 60rem)").addEventListener("change", () => toggleHistory(false, false)); // beside the page it covers nothing
  byId("question").addEventListener("keydown", onKey);
  byId("question").addEventListener("input", count);
  byId("ask").addEventListener("submit", (event) => { event.preventDefault(); submit(byId("question").value); });
  byId("stop").addEventListener("click", () => { running?.abort.abort(); toField(); });
  byId("new-conversation").addEventListener("click", () => { startConversation(); goTo(null); toggleHistory(false, false); byId("question").focus(); });
  byId("show-history").addEventListener("click", () => toggleHistory(true));
  byId("hide-history").addEventListener("click", () => toggleHistory(false));
  byId("show-export").addEventListener("click", () => openExport(conversation));
  byId("older-next").addEventListener("click", readOn);
  for (const button of document.querySelectorAll("dialog .close")) button.addEventListener("click", () => button.closest("dialog").close());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && byId("history").dataset.open === "true" && !document.querySelector("dialog[open]")) toggleHistory(false);
  });
  document.addEventListener("click", ({ target }) => {
    if (byId("history").dataset.open === "true" && target.isConnected && !target.closest("#history, #show-history, dialog")) toggleHistory(false);
  });
  preparePassage();
  prepareExport(heard, loadAll);
}

prepare();
door.begin();
