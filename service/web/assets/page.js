// The page: who is here, what is asked, and what is shown.

import { AnswerView } from "./answer.js";
import { Problem, ask, endsSession, explain, path, send } from "./api.js";
import { announce, byId, make, number } from "./dom.js";
import { readEvents } from "./events.js";
import { openExport, prepareExport } from "./exporting.js";
import { History } from "./history.js";
import { forgetMessages, preparePassage } from "./passage.js";
import { countDown, trouble } from "./trouble.js";
import { ROLES, called, examples, lead } from "./words.js";

const MOST_LETTERS = 5000;
const NEW = "Percakapan baru";
let me = null; // what /v1/auth/me says
let conversation = null; // the id that the next question belongs to
let running = null; // the question that is being answered
let rest = null; // the cursor of a long conversation
let showing = 0; // counts what is on screen, so that a late answer never lands in another conversation

const history = new History({ open: openConversation, gone: conversationGone, renamed: conversationRenamed, onProblem: heard });

function heard(problem) { if (endsSession(problem)) showLogin("unauthenticated"); }

// Coming and going

async function begin() {
  try {
    enter(await ask("GET", path("auth", "me")));
  } catch (problem) {
    showLogin(endsSession(problem) ? null : problem.code, problem);
  }
}

function showLogin(code, problem = new Problem(code)) {
  running?.abort.abort();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  toggleHistory(false, false);
  byId("desk").hidden = true;
  byId("login").hidden = false;
  document.body.dataset.view = "login";
  document.title = "Masuk · CourtSight";
  byId("password").value = "";
  tellLogin(code ? problem : null);
  byId("username").focus();
}

function tellLogin(problem) {
  const place = byId("login-error");
  place.hidden = !problem;
  if (!problem) return;
  const { title, advice } = explain(problem);
  place.replaceChildren(make("strong", {}, title), make("p", {}, advice));
  if (problem.seconds > 0) {
    place.append(make("p", {}, `Dapat dicoba lagi setelah ${number(problem.seconds)} detik.`));
    countDown(byId("login-form").querySelector("[type=submit]"), "Masuk", problem.seconds);
  }
}

async function logIn(event) {
  event.preventDefault();
  const button = byId("login-form").querySelector("[type=submit]");
  const username = byId("username").value.trim(), password = byId("password").value;
  if (button.hasAttribute("aria-disabled")) return;
  if (!username || !password) {
    byId(username ? "password" : "username").focus();
    return;
  }
  button.setAttribute("aria-disabled", "true");
  try {
    await ask("POST", path("auth", "token"), { body: { username, password, cookie: true } });
    enter(await ask("GET", path("auth", "me")));
    button.removeAttribute("aria-disabled");
  } catch (problem) {
    button.removeAttribute("aria-disabled");
    tellLogin(problem);
    byId("password").value = "";
    byId("password").focus();
  }
}

function enter(found) {
  // Somebody else must not find what the one before typed or read; the same person goes on where they were.
  if (me && me.username !== found.username) forget();
  const again = me !== null;
  me = found;
  byId("login").hidden = true;
  byId("desk").hidden = false;
  byId("password").value = "";
  document.body.dataset.view = "desk";
  byId("who").textContent = `${me.username} · ${called(ROLES, me.role)}`;
  byId("welcome-lead").textContent = lead(me.role);
  byId("examples").replaceChildren(...examples(me.role).map((text) =>
    make("li", {}, make("button", { type: "button", click: () => submit(text) }, text))));
  if (!again) startConversation();
  titled();
  history.load();
  byId("question").focus();
}

function forget() {
  me = null;
  byId("question").value = "";
  count();
  history.clear();
  forgetMessages();
  startConversation();
}

async function logOut() {
  try {
    await ask("POST", path("auth", "logout"));
  } catch (problem) {
    if (!endsSession(problem)) {
      byId("exchange").append(trouble(problem, logOut, "Keluar"));
      return;
    }
  }
  forget();
  showLogin(null);
  announce("Anda sudah keluar.");
}

// Conversations

function titled(text) {
  if (text !== undefined) byId("conversation-title").textContent = text;
  document.title = `${byId("conversation-title").textContent} · CourtSight`;
}

function startConversation() {
  running?.abort.abort();
  showing += 1;
  conversation = rest = null;
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
  titled(title);
  history.mark(id);
  await morePages();
  byId("question").focus({ preventScroll: true });
  announce("Percakapan dibuka.");
}

async function morePages() {
  const round = showing, id = conversation;
  const query = new URLSearchParams({ limit: 100, ...(rest ? { cursor: rest } : {}) });
  try {
    const found = await ask("GET", `${path("conversations", id)}?${query}`);
    if (round !== showing) return;
    rest = found.next_cursor;
    byId("older-next").hidden = !rest;
    byId("show-export").hidden = false;
    byId("exchange").append(...found.messages.map(restored));
  } catch (problem) {
    if (round !== showing) return;
    const box = trouble(problem, () => { box.remove(); morePages(); });
    byId("exchange").append(box);
    heard(problem);
  }
}

function restored(message) {
  if (message.author === "user") return asked(message.content);
  const view = new AnswerView(heard);
  view.restore(message);
  return view.node;
}

function conversationGone(id) {
  if (id !== conversation) return;
  startConversation();
  byId("question").focus();
}

function conversationRenamed(id, title) { if (id === conversation) titled(title); }

function toggleHistory(open, refocus = true) {
  byId("history").dataset.open = String(open);
  byId("show-history").setAttribute("aria-expanded", String(open));
  byId("chat").inert = open;
  if (!refocus) return;
  byId(open ? "hide-history" : "show-history").focus();
}

// Asking

function asked(text) {
  return make("div", { class: "asked" }, make("h2", {}, make("span", { class: "hidden-text" }, "Pertanyaan: "), text));
}

const letters = (text) => [...text].length;

function count() {
  const used = letters(byId("question").value), place = byId("count");
  place.textContent = `${number(used)} / ${number(MOST_LETTERS)}`;
  place.dataset.over = String(used > MOST_LETTERS);
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function submit(text) {
  const message = text.trim();
  if (!message || running) return;
  if (letters(message) > MOST_LETTERS) {
    announce(`Pertanyaan terlalu panjang: paling banyak ${number(MOST_LETTERS)} huruf.`);
    return;
  }
  if (text === byId("question").value) byId("question").value = "";
  count();
  byId("welcome").hidden = true;
  const question = asked(message);
  byId("exchange").append(question);
  answer({ message, conversation, key: newKey() });
  question.scrollIntoView({ block: "start" });
}

/** Ask; a retry is the same question with the same key, and takes the place of the answer that failed. */
async function answer(question, failed) {
  if (running) return;
  const view = new AnswerView(heard), round = showing;
  const run = running = { abort: new AbortController() };
  if (failed) failed.replaceWith(view.node);
  else byId("exchange").append(view.node);
  asking(true);
  announce("Menyusun jawaban.");
  try {
    const done = await streamed(question, view, run.abort.signal);
    if (round === showing) finished(done, view, question);
  } catch (problem) {
    if (round === showing) broken(problem, view, question);
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
  const fresh = !question.conversation;
  conversation = done.conversation_id;
  byId("show-export").hidden = false;
  if (fresh) titled(question.message.slice(0, 80));
  history.load();
  history.mark(conversation);
  announce(done.citations.length ? `Jawaban selesai, ${done.citations.length} sumber.` : "Jawaban selesai, tanpa sumber.");
}

function broken(problem, view, question) {
  const again = () => { answer(question, view.node); byId("question").focus({ preventScroll: true }); };
  if (problem.name === "AbortError") {
    const button = make("button", { type: "button", click: again }, "Tanyakan lagi");
    view.fail(make("div", {}, make("p", {}, "Dihentikan atas permintaan Anda."), button));
    announce("Dihentikan.");
    return;
  }
  view.fail(trouble(problem, again));
  heard(problem);
}

function asking(yes) {
  byId("stop").hidden = !yes;
  byId("send").hidden = yes;
}

// Wiring

function onKey(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit(byId("question").value);
}

function prepare() {
  byId("login-form").addEventListener("submit", logIn);
  byId("log-out").addEventListener("click", logOut);
  byId("question").addEventListener("keydown", onKey);
  byId("question").addEventListener("input", count);
  byId("ask").addEventListener("submit", (event) => { event.preventDefault(); submit(byId("question").value); });
  byId("stop").addEventListener("click", () => { running?.abort.abort(); byId("question").focus(); });
  byId("new-conversation").addEventListener("click", () => { startConversation(); toggleHistory(false, false); byId("question").focus(); });
  byId("show-history").addEventListener("click", () => toggleHistory(true));
  byId("hide-history").addEventListener("click", () => toggleHistory(false));
  byId("show-export").addEventListener("click", () => openExport(conversation));
  byId("older-next").addEventListener("click", morePages);
  for (const button of document.querySelectorAll("dialog .close")) button.addEventListener("click", () => button.closest("dialog").close());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && byId("history").dataset.open === "true" && !document.querySelector("dialog[open]")) toggleHistory(false);
  });
  preparePassage();
  prepareExport(heard);
}

prepare();
begin();
