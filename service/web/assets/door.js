// Who is here: the session behind the page, the login, and what is told while the service cannot say whose session it is.

import { Problem, ask, endsSession, explain, path } from "./api.js";
import { announce, byId, make, duration } from "./dom.js";
import { countDown, trouble } from "./trouble.js";

const VIEWS = ["away", "login", "desk"];
const LOG_IN = "Masuk";
const SOON = 400; // milliseconds: who is answered within them need not be told that they wait

const doors = openDoors(); // tells the other tabs of this browser who came, or null when somebody left

/** A browser that may keep nothing for this site can refuse it: then each tab stands alone, and says at the login what is amiss. */
function openDoors() {
  try { return new BroadcastChannel("courtsight"); } catch { return null; }
}

export class Door {
  /** `entered(me, again)`, `covered()` and `forgotten()` tell the page that somebody came, that the login hides it, and that nothing of somebody may be left. */
  constructor(events) {
    this.events = events;
    this.me = null; // what /v1/auth/me says
    this.stood = 0; // how far down somebody read when their session ended
    doors?.addEventListener("message", (event) => this.heardOfDoors(event.data));
    window.addEventListener("online", () => { if (this.view === "away") this.begin(); });
    byId("login-form").addEventListener("submit", (event) => { event.preventDefault(); this.logIn(); });
    byId("log-out").addEventListener("click", () => this.logOut());
  }

  get view() { return document.body.dataset.view; }

  show(view) {
    clearTimeout(this.waiting);
    if (this.view === "desk" && view !== "desk") this.stood = scrollY;
    for (const one of VIEWS) byId(one).hidden = one !== view;
    document.body.dataset.view = view;
  }

  /** Ask whose session this is. */
  async begin() {
    if (this.view === "away") this.tellWait();
    if (this.view === "starting") this.waiting = setTimeout(() => this.tellWait(), SOON);
    try {
      this.enter(await ask("GET", path("auth", "me")));
    } catch (problem) {
      if (endsSession(problem)) this.showLogin(null);
      else this.showAway(problem);
    }
  }

  tellWait() {
    byId("away").hidden = false;
    byId("away-told").replaceChildren(make("p", { class: "working" }, "Menghubungi layanan…"));
  }

  /** The session may be good: whoever has one is not asked for a password because the service did not answer. */
  showAway(problem) {
    this.cover("away", "Tidak tersambung");
    const again = () => { byId("away-title").focus(); this.begin(); };
    byId("away-told").replaceChildren(trouble(problem, again), make("p", { class: "fine" }, "Bila Anda sudah masuk, Anda tidak perlu masuk lagi sesudahnya."));
  }

  /** Something was refused because the session is over; whoever is typing the password already is left alone. */
  sessionOver() { if (this.view !== "login") this.showLogin(new Problem("unauthenticated")); }

  showLogin(problem) {
    this.cover("login", LOG_IN);
    if (this.me) byId("username").value = this.me.username; // whose session ended only has to give the password
    tellLogin(problem);
    byId(this.me ? "password" : "username").focus();
  }

  cover(view, title) {
    this.events.covered();
    this.show(view);
    document.title = `${title} · CourtSight`;
  }

  async logIn() {
    const button = loginButton();
    const ready = () => { button.removeAttribute("aria-disabled"); button.textContent = LOG_IN; };
    const username = byId("username").value.trim(), password = byId("password").value;
    if (button.hasAttribute("aria-disabled")) return;
    if (!username || !password) {
      byId(username ? "password" : "username").focus();
      return;
    }
    button.setAttribute("aria-disabled", "true");
    button.textContent = "Memeriksa…";
    try {
      await ask("POST", path("auth", "token"), { body: { username, password, cookie: true } });
      const found = await this.known();
      ready();
      this.enter(found);
    } catch (problem) {
      ready();
      tellLogin(problem);
      if (problem.code === "invalid_credentials") { // else nothing is wrong with what was typed
        byId("password").value = "";
        byId("password").focus({ preventScroll: true });
      }
      byId("login-error").scrollIntoView({ block: "nearest" }); // above the fields, and on a small window out of it
    }
  }

  /** Who just logged in; a browser that did not keep the cookie comes back as nobody. */
  async known() {
    try {
      return await ask("GET", path("auth", "me"));
    } catch (problem) {
      throw endsSession(problem) ? new Problem("no_cookie") : problem;
    }
  }

  enter(found) {
    // Somebody else must not find what the one before typed or read; the same person goes on where they were.
    if (this.me && this.me.username !== found.username) this.forget();
    const again = this.me !== null;
    this.me = found;
    doors?.postMessage(found.username);
    this.show("desk");
    byId("password").value = "";
    this.events.entered(found, again);
    if (again) scrollTo(0, this.stood);
  }

  /** All tabs share one cookie: this one must not ask in the name of somebody whom it does not show, nor show what is no longer theirs, nor ask for a password that was given beside it. */
  heardOfDoors(username) {
    const same = username === (this.me?.username ?? null);
    if (this.view !== "away" && (this.view === "login" ? same && !this.me : same || !this.me)) return; // nobody came who is not here, or on the way
    if (this.me && !same) this.forget();
    this.begin();
  }

  forget() {
    this.me = null;
    byId("username").value = byId("password").value = ""; // not at the login: a browser may have filled them in already
    this.events.forgotten();
  }

  async logOut() {
    try {
      await ask("POST", path("auth", "logout"));
    } catch (problem) {
      if (!endsSession(problem)) {
        const before = document.querySelector(".leaving"), pressed = before?.contains(document.activeElement);
        before?.remove();
        const box = make("div", { class: "leaving" }, make("p", {}, "Anda belum keluar."), trouble(problem, () => this.logOut(), "Keluar"));
        byId("exchange").append(box);
        box.scrollIntoView({ block: "center" });
        if (pressed) box.querySelector("button").focus({ preventScroll: true });
        return;
      }
    }
    this.forget();
    doors?.postMessage(null);
    this.showLogin(null);
    announce("Anda sudah keluar.");
  }
}

const loginButton = () => byId("login-form").querySelector("[type=submit]");

function tellLogin(problem) {
  const place = byId("login-error");
  place.hidden = !problem;
  if (!problem) return;
  const { title, advice } = explain(problem);
  place.replaceChildren(make("strong", {}, title), make("p", {}, advice));
  if (problem.seconds > 0) {
    place.append(make("p", {}, `Dapat dicoba lagi setelah ${duration(problem.seconds)}.`));
    countDown(loginButton(), LOG_IN, problem.seconds);
  }
}
