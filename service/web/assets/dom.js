// Elements out of values. Text only ever becomes text nodes, so nothing that an answer says can become markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes, listeners (functions) and children; null children are left out. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/g;

/** "rtl" for a text that is mostly written from right to left, or null: a line in Indonesian stays one where it begins with a quotation. */
export function direction(text) {
  const found = text.match(RIGHT_TO_LEFT)?.length ?? 0;
  return found && found * 2 > (text.match(/\p{L}/gu)?.length ?? 0) ? "rtl" : null;
}

/** Whether fingers point here: a field that gets the focus by itself would then bring up a keyboard over what is read. */
export const byThumb = () => matchMedia("(pointer: coarse)").matches;

/** Give the focus to something that is no control, so that whoever reads by keyboard or ear goes on there. */
export function standAt(node) {
  node.tabIndex = -1;
  node.addEventListener("blur", () => node.removeAttribute("tabindex"), { once: true });
  node.focus();
}

let announcing = 0;

/** Say something to screen readers, politely; the same words twice are said twice. Beside an open dialog nothing is heard, so it says them itself. */
export function announce(words) {
  const place = document.querySelector("dialog[open] > [role=status]") ?? byId("announcer");
  place.textContent = "";
  clearTimeout(announcing);
  announcing = setTimeout(() => { place.textContent = words; }, 50);
}

/** Open a dialog; when it closes, focus returns to where it was, or to `fallback` if that has gone. */
export function openDialog(dialog, fallback) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    const back = before && before.isConnected ? before : fallback;
    if (back) back.focus();
  }, { once: true });
  dialog.querySelector(":scope > [role=status]")?.replaceChildren(); // from the last time
  dialog.showModal();
}

const NUMBER = new Intl.NumberFormat("id-ID");
const DECIMAL = new Intl.NumberFormat("id-ID", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const MOMENT = new Intl.DateTimeFormat("id-ID", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

export const number = (value) => NUMBER.format(value);
export const decimal = (value) => DECIMAL.format(value);

/** How long somebody waits, in words: seconds up to two minutes, then whole minutes, then hours and minutes; never less than it is. */
export function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 120) return `${number(Math.ceil(seconds))} detik`;
  if (minutes < 60) return `${minutes} menit`;
  return `${number(Math.floor(minutes / 60))} jam${minutes % 60 ? ` ${minutes % 60} menit` : ""}`;
}

const DAY = new Intl.DateTimeFormat("id-ID", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

/** A day as `2026-11-01`, in words; anything else as it came. */
export function day(text) {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(text) : new Date(NaN);
  return Number.isNaN(date.getTime()) ? String(text) : DAY.format(date);
}

/** A moment in the reader's time zone; an unreadable one as it came. */
export function moment(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? String(text) : MOMENT.format(date);
}
