// The question that is being answered, or could not be, kept by this tab alone: a reload must not lose what somebody wrote.

const PLACE = "courtsight-unanswered";

/** A key under which a question is answered once, however often it is sent. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Keep it until it is answered, under the name of who asks. */
export function keepQuestion(username, { message, conversation, key }) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify({ username, message, conversation, key }));
  } catch { /* a browser that keeps nothing: as if there were no such help */ }
}

export function forgetQuestion() {
  try { sessionStorage.removeItem(PLACE); } catch { /* nothing is kept there */ }
}

/** The question that somebody of this name asked, or null. */
export function keptQuestion(username) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PLACE));
    return kept && kept.username === username && [kept.message, kept.key].every((text) => typeof text === "string") ? kept : null;
  } catch {
    return null;
  }
}
