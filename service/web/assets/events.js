// Server-sent events out of a response's body, as the service writes them: `event:` and `data:` lines, an empty line behind each.

const LARGEST = 8_000_000; // characters; an answer has some thousands

/** Yields [event, data] as they come; data is parsed JSON. */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      held = (held + value).replace(/\r\n/g, "\n");
      if (held.length > LARGEST) throw new TypeError("an event that does not end");
      let end;
      while ((end = held.indexOf("\n\n")) >= 0) {
        const event = parse(held.slice(0, end));
        held = held.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
  }
  return data.length ? [name, JSON.parse(data.join("\n"))] : null;
}
