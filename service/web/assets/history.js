// The list of conversations: opened, named anew, deleted, a page at a time.

import { ask, path } from "./api.js";
import { announce, byId, make, moment, number, openDialog } from "./dom.js";
import { trouble } from "./trouble.js";

const PAGE = 20;
const NONE = "Belum ada percakapan.";
export const UNNAMED = "Percakapan tanpa judul";

export class History {
  /** `open(conversation)`, `gone(id)`, `renamed(id, title)` tell the page; `onProblem` hears of failures. */
  constructor(events) {
    this.events = events;
    this.cursor = null;
    this.current = null;
    this.round = 0;
    this.loading = false;
    byId("more-history").addEventListener("click", () => this.more());
    byId("rename-form").addEventListener("submit", (event) => { event.preventDefault(); this.rename(); });
    byId("remove-confirmed").addEventListener("click", () => this.remove());
  }

  /** The newest page again, without losing the focus that stands in the list. */
  async load() {
    const round = ++this.round;
    const found = await this.page(null, () => this.load());
    if (!found || round !== this.round) return;
    const list = byId("history-list"), held = holder(list);
    const older = found.next_cursor ? beyond([...list.children], found.conversations) : [];
    list.replaceChildren(...found.conversations.map((one) => this.item(one)), ...older);
    if (!older.length) this.goOn(found.next_cursor);
    this.mark(this.current);
    if (held) (named(list, held.id)?.querySelectorAll("button")[held.button] ?? byId("new-conversation")).focus();
  }

  async more() {
    if (this.loading) return; // pressed twice: the same page would come twice
    this.loading = true;
    const round = this.round;
    const found = await this.page(this.cursor, () => this.more());
    this.loading = false;
    if (!found || round !== this.round) return;
    this.goOn(found.next_cursor);
    const items = found.conversations.map((one) => this.item(one));
    byId("history-list").append(...items);
    this.mark(this.current);
    items[0]?.querySelector(".open").focus();
    announce(`${items.length} percakapan dimuat.`);
  }

  async page(cursor, again) {
    const place = byId("history-problem"), pressed = place.contains(document.activeElement); // a button that goes with its box
    if (!byId("history-list").children.length) this.tellEmpty("Memuat riwayat…");
    try {
      const query = new URLSearchParams({ limit: PAGE, ...(cursor ? { cursor } : {}) });
      const found = await ask("GET", `${path("conversations")}?${query}`);
      place.replaceChildren();
      if (pressed) byId("new-conversation").focus();
      this.tellEmpty(found.conversations.length || cursor ? "" : NONE);
      return found;
    } catch (problem) {
      this.tellEmpty("");
      place.replaceChildren(trouble(problem, again));
      if (pressed) place.querySelector("button").focus();
      this.events.onProblem(problem);
      return null;
    }
  }

  /** Where the next page begins, or null behind the last. */
  goOn(cursor) {
    this.cursor = cursor;
    byId("more-history").hidden = !cursor;
  }

  tellEmpty(words) {
    byId("history-empty").textContent = words;
    byId("history-empty").hidden = !words;
  }

  item(conversation) {
    const title = conversation.title || UNNAMED;
    const name = make("span", { dir: "auto" }, title);
    return make("li", { "data-id": conversation.conversation_id },
      make("button", { type: "button", class: "open", click: () => this.events.open({ ...conversation, title: name.textContent }) },
        name, make("span", { class: "when" }, `${moment(conversation.created_at)} · ${number(conversation.messages)} pesan`)),
      make("div", { class: "doing" },
        make("button", { type: "button", class: "quiet", "aria-label": `Ubah nama: ${title}`, click: () => this.askName(conversation.conversation_id, name.textContent) }, "Ubah nama"),
        make("button", { type: "button", class: "quiet", "aria-label": `Hapus: ${title}`, click: () => this.askRemoval(conversation.conversation_id, name.textContent) }, "Hapus")));
  }

  /** Show which conversation is open. */
  mark(id) {
    this.current = id;
    for (const item of byId("history-list").children) {
      const button = item.querySelector(".open");
      if (item.dataset.id === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  clear() {
    this.round += 1;
    this.current = null;
    byId("history-list").replaceChildren();
    byId("history-problem").replaceChildren();
    this.goOn(null);
  }

  askName(id, title) {
    this.asked = id;
    const dialog = byId("rename");
    dialog.querySelector(".problem-place").replaceChildren();
    byId("new-title").value = title === UNNAMED ? "" : title;
    openDialog(dialog, byId("new-conversation"));
    byId("new-title").select();
  }

  async rename() {
    const title = byId("new-title").value.trim(), dialog = byId("rename"), id = this.asked;
    if (!title) {
      byId("new-title").focus();
      return;
    }
    try {
      const done = await ask("PATCH", path("conversations", id), { body: { title } });
      this.rewrite(id, done.title);
      this.events.renamed(id, done.title);
      if (id === this.asked) dialog.close(); // else it is open for another one by now
      announce("Nama percakapan diubah.");
    } catch (problem) {
      this.tell(dialog, problem, id);
    }
  }

  rewrite(id, title) {
    const item = named(byId("history-list"), id);
    if (!item) return;
    item.querySelector(".open span").textContent = title;
    const [rename, remove] = item.querySelectorAll(".doing button");
    rename.setAttribute("aria-label", `Ubah nama: ${title}`);
    remove.setAttribute("aria-label", `Hapus: ${title}`);
  }

  askRemoval(id, title) {
    this.asked = id;
    const dialog = byId("remove");
    dialog.querySelector(".problem-place").replaceChildren();
    byId("remove-text").replaceChildren("“", make("bdi", {}, title), "” dan semua jawabannya akan dihapus dan tidak dapat dikembalikan.");
    openDialog(dialog, byId("new-conversation"));
  }

  async remove() {
    const dialog = byId("remove"), id = this.asked;
    try {
      await ask("DELETE", path("conversations", id));
    } catch (problem) {
      if (problem.code !== "not_found") {
        this.tell(dialog, problem, id);
        return;
      }
    }
    named(byId("history-list"), id)?.remove();
    if (!byId("history-list").children.length) {
      if (this.cursor) this.load(); // the page is empty, the history is not
      else this.tellEmpty(NONE);
    }
    if (id === this.asked) dialog.close();
    this.events.gone(id);
    announce("Percakapan dihapus.");
  }

  tell(dialog, problem, id) {
    if (id === this.asked) dialog.querySelector(".problem-place").replaceChildren(trouble(problem));
    this.events.onProblem(problem);
  }
}

const named = (list, id) => [...list.children].find((one) => one.dataset.id === id);

/** Which button of the list has the focus, or null. */
function holder(list) {
  const item = document.activeElement?.closest("li");
  return item && list.contains(item) ? { id: item.dataset.id, button: [...item.querySelectorAll("button")].indexOf(document.activeElement) } : null;
}

/** What was loaded behind the newest page stays; what stood within that page and is no longer in it was deleted elsewhere. */
function beyond(items, page) {
  const fresh = new Set(page.map((one) => one.conversation_id));
  const last = items.findIndex((one) => one.dataset.id === page.at(-1).conversation_id);
  return last < 0 ? [] : items.slice(last + 1).filter((one) => !fresh.has(one.dataset.id));
}
