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

let announcing = 0;

/** Say something to screen readers, politely; the same words twice are said twice. */
export function announce(words) {
  const place = byId("announcer");
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
  dialog.showModal();
}

const NUMBER = new Intl.NumberFormat("id-ID");
const DECIMAL = new Intl.NumberFormat("id-ID", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const MOMENT = new Intl.DateTimeFormat("id-ID", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

export const number = (value) => NUMBER.format(value);
export const decimal = (value) => DECIMAL.format(value);

/** A moment in the reader's time zone; an unreadable one as it came. */
export function moment(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? String(text) : MOMENT.format(date);
}
