// A failure as a box: what happened, what to do, and a button that waits as long as the service asked for.

import { explain } from "./api.js";
import { duration, make } from "./dom.js";

/** The box; with `again` it has a button, which counts down while `problem.seconds` last. */
export function trouble(problem, again, label = "Coba lagi") {
  const { title, advice } = explain(problem);
  const told = make("div", { role: "alert" }, make("strong", {}, title), make("p", {}, advice)); // without the button: whoever listens would hear it all again with each second
  const box = make("div", { class: "problem" }, told);
  if (problem.seconds > 0) told.append(make("p", {}, `Dapat dicoba lagi setelah ${duration(problem.seconds)}.`));
  if (problem.status >= 500 && problem.request) told.append(make("p", { class: "fine" }, `Nomor laporan: ${problem.request}`));
  if (again) {
    const button = make("button", { type: "button", click: () => { if (!button.hasAttribute("aria-disabled")) again(); } }, label);
    countDown(button, label, problem.seconds || 0);
    box.append(button);
  }
  return box;
}

/** Keep a button from acting for some seconds; it stays focusable, so that nobody loses their place. */
export function countDown(button, label, seconds) {
  const ends = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    if (left <= 0) {
      button.removeAttribute("aria-disabled");
      button.textContent = label;
      return;
    }
    button.setAttribute("aria-disabled", "true");
    const words = `${label} (${duration(left)})`;
    if (button.textContent !== words) button.textContent = words;
    setTimeout(tick, 250);
  };
  tick();
}
