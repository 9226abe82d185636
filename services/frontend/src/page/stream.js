// Asks the server, and reads the events of the answer as they come.

/** What went wrong, in words: `problem` is { code, title, message, action }. */
export class Failure extends Error {
  constructor(problem) {
    super(problem.message);
    this.problem = problem;
  }
}

const UNREACHABLE = {
  code: "pageUnreachable",
  title: "The connection to the server was lost",
  message: "Check your connection, then try again; if that does not help, the service may be restarting. A question that got through may still be paid for; the balance will show it.",
  action: "retry",
};

/** Calls `receive` for each event. Ends after `done`; throws a Failure, or an AbortError when the visitor stopped it. */
export async function ask({ prompt, conversation, signal, started, receive }) {
  const response = await send("/api/chat", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ prompt, conversation }),
    signal,
  });
  started(response.headers.get("turnpike-conversation"));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  let finished = false;
  for (;;) {
    const { value, done } = await read(reader);
    if (done) break;
    buffer += value;
    for (let end = buffer.indexOf("\n\n"); end !== -1; end = buffer.indexOf("\n\n")) {
      const event = parse(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
      if (!event) continue;
      finished ||= event.type === "done" || event.type === "error";
      receive(event);
    }
  }
  if (!finished) throw new Failure(CUT_OFF);
}

export const CUT_OFF = {
  code: "streamCutOff",
  title: "The answer was cut off",
  message: "The connection ended before the agent had finished. A payment shown above has been made; asking again may pay again.",
  action: "retry",
};

/** The wallet as the agent tells it. */
export async function wallet() {
  const response = await send("/api/wallet", { headers: { accept: "application/json" } });
  return response.json();
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, credentials: "same-origin", cache: "no-store", redirect: "error" });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Failure(UNREACHABLE);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new Failure(body.error ?? { ...UNREACHABLE, message: `The server answered ${response.status}. Try again in a moment.` });
}

async function read(reader) {
  try {
    return await reader.read();
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Failure(CUT_OFF);
  }
}

function parse(frame) {
  const data = frame.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
  try {
    return data ? JSON.parse(data) : undefined;
  } catch (mistake) {
    // One event that can't be read is not a reason to abandon a paid answer.
    console.error(mistake);
    return undefined;
  }
}
