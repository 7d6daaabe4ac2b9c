// The text of an answer as paragraphs, headings, lists, bold words and marks of citations; nothing else is ever made of it.

import { direction, make } from "./dom.js";

const BULLET = /^\s*[-*•]\s+(.*)$/;
const NUMBERED = /^\s*(\d{1,3})[.)]\s+(.*)$/;
const HEADING = /^(?:#{1,4}\s+(.+)|\*\*([^*]+)\*\*:?|([^.:;?!\n]{2,80}):)$/;
const LAST_WORD = /(?<=^|\s)\S{1,12}\s*$/; // what a mark follows: no line begins with a mark alone
const STOP = /^[.,;:!?)]+/;
const INLINE = /\*\*([^*\n]+)\*\*|\[(\d{1,3})\]/g;

/** Nodes for a text; `cite(number)` gives the node of a mark, or null for one that stays text. */
export function prose(text, cite) {
  const nodes = [];
  let list = null;
  for (const line of text.split("\n")) {
    if (!line.trim()) { list = null; continue; }
    const bullet = BULLET.exec(line), numbered = bullet ? null : NUMBERED.exec(line);
    if (bullet || numbered) {
      const tag = bullet ? "UL" : "OL";
      if (!list || list.tagName !== tag) {
        list = make(tag.toLowerCase(), numbered ? { start: numbered[1] } : {});
        nodes.push(list);
      }
      list.append(make("li", { dir: direction(line) }, inline(bullet ? bullet[1] : numbered[2], cite)));
      continue;
    }
    list = null;
    const heading = HEADING.exec(line.trim());
    if (heading) nodes.push(make("h3", { dir: direction(line) }, inline(heading[1] || heading[2] || heading[3], cite)));
    else nodes.push(make("p", { dir: direction(line) }, inline(line, cite)));
  }
  return nodes;
}

function inline(text, cite) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    const node = found[1] ? make("strong", {}, inline(found[1], cite)) : cite(Number(found[2]));
    if (!node) continue;
    const before = text.slice(from, found.index);
    from = found.index + found[0].length;
    if (!found[2]) {
      nodes.push(before, node);
      continue;
    }
    const word = LAST_WORD.exec(before)?.[0] ?? "", stop = STOP.exec(text.slice(from))?.[0] ?? "";
    nodes.push(before.slice(0, before.length - word.length), make("span", { class: "together" }, word, node, stop));
    from += stop.length;
  }
  nodes.push(text.slice(from));
  return nodes.filter(Boolean);
}

/** A passage's text with the quoted sentences marked. */
export function highlighted(text, quote) {
  const ranges = [];
  const whole = quote ? text.indexOf(quote) : -1;
  if (whole >= 0) ranges.push([whole, whole + quote.length]);
  else for (const sentence of (quote || "").split(/(?<=[.;!?…])\s+/)) {
    const at = sentence.length > 8 ? text.indexOf(sentence) : -1;
    if (at >= 0) ranges.push([at, at + sentence.length]);
  }
  ranges.sort((one, other) => one[0] - other[0]);
  const nodes = [];
  let from = 0;
  for (const [start, end] of ranges) {
    if (start < from) continue;
    nodes.push(text.slice(from, start), make("mark", {}, text.slice(start, end)));
    from = end;
  }
  nodes.push(text.slice(from));
  return nodes;
}
