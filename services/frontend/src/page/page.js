// The chat: what the visitor does, and what follows.
import { announce } from "./dom.js";
import { Answer, question } from "./message.js";
import { ask } from "./stream.js";
import { refreshWallet } from "./wallet.js";

const byId = (id) => document.getElementById(id);
const [input, send, stop, messages, welcome, barrier, count] = ["question", "send", "stop", "messages", "welcome", "barrier", "composer-count"].map(byId);
const lengthMax = Number(document.body.dataset.promptLengthMax);

let conversation;
let running;

/** Puts a question to the agent and shows the answer as it comes. */
async function submit(prompt) {
  welcome.hidden = true;
  messages.append(question(prompt));
  await answer(prompt);
}

/** Shows the answer to a question. There is one at a time: another would take the page's place from it while it pays. */
async function answer(prompt) {
  const shown = new Answer();
  messages.append(shown.node);
  const turn = new AbortController();
  running = turn;
  working(true);
  toEnd();
  let problem;
  try {
    await ask({
      prompt,
      conversation,
      signal: turn.signal,
      started: (given) => { if (running === turn) conversation = given ?? conversation; },
      receive: (event) => {
        if (running !== turn) return;
        following(() => shown.receive(event));
        // A call that failed may have paid, or may still be charged.
        if (event.type === "payment" || (event.type === "toolResult" && !event.ok)) refreshWallet();
        if (event.type === "error") problem = { action: "retry", ...event };
      },
    });
  } catch (failure) {
    problem = turn.signal.aborted ? "stopped" : failure.problem ?? { code: "pageFailed", title: "Something went wrong on this page", message: `Reload it and try again. (${failure.message})`, action: "retry" };
  }
  if (running !== turn) return;
  running = undefined;
  working(false);
  following(() => finish(shown, problem, prompt));
  // An answer that was cut short may have paid without a receipt.
  if (problem) setTimeout(refreshWallet, 1000);
}

function finish(shown, problem, prompt) {
  if (!problem || problem === "stopped") return shown.end(problem ?? "done");
  shown.end("failed");
  const actions = {
    retry: ["Try again", () => unlessRunning(() => answer(prompt))],
    newConversation: ["Ask in a new conversation", () => unlessRunning(() => { conversation = undefined; answer(prompt); })],
    signIn: ["Sign in", () => location.assign("/sign-in")],
  };
  shown.fail(problem, ...(actions[problem.action] ?? []));
}

// Whether it was done: while an answer runs it is not.
function unlessRunning(act) {
  if (running) return false;
  act();
  return true;
}

function startOver() {
  running?.abort();
  running = undefined;
  conversation = undefined;
  messages.replaceChildren();
  welcome.hidden = false;
  working(false);
  announce("New conversation");
  focus();
}

// On a touch screen focus opens the keyboard, over the answer.
function focus() {
  if (matchMedia("(hover: hover)").matches) input.focus();
}

function working(yes) {
  send.hidden = yes;
  stop.hidden = !yes;
  barrier.dataset.state = yes ? "working" : "idle";
  for (const button of messages.querySelectorAll(".error-action")) button.setAttribute("aria-disabled", String(yes));
  measure();
}

// The view follows the answer only while the reader is at its end: whoever scrolled up to read is left in peace.
function following(change) {
  const page = document.documentElement;
  const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 80;
  change();
  if (atEnd) toEnd();
}

function toEnd() {
  requestAnimationFrame(() => scrollTo({ top: document.documentElement.scrollHeight }));
}

// Length in characters, as the server counts them.
function measure() {
  const length = [...input.value.trim()].length;
  send.setAttribute("aria-disabled", String(length === 0 || length > lengthMax));
  count.hidden = length < lengthMax * 0.8;
  count.textContent = `${length.toLocaleString("en")} of ${lengthMax.toLocaleString("en")} characters`;
  count.classList.toggle("too-long", length > lengthMax);
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
}

// Enter also ends a word in an input method, and that Enter is not for us. 229 is the key code of all that an input method
// handles (UI Events, 7.3.1). Safari ends the composition first and tells of the key afterwards
// (WebKit bug 165004).
function isOfInputMethod(event) {
  return event.isComposing || event.keyCode === 229 || event.timeStamp - composedAt < 20;
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const prompt = input.value.trim();
  if (running || send.getAttribute("aria-disabled") === "true") return;
  input.value = "";
  measure();
  submit(prompt);
});
input.addEventListener("input", measure);
let composedAt = -Infinity;
input.addEventListener("compositionend", (event) => { composedAt = event.timeStamp; });
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || isOfInputMethod(event)) return;
  event.preventDefault();
  byId("composer").requestSubmit();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") running?.abort(); });
stop.addEventListener("click", () => { running?.abort(); focus(); });
byId("new-conversation").addEventListener("click", startOver);
for (const suggestion of document.querySelectorAll(".suggestion")) {
  suggestion.addEventListener("click", () => { if (!running) { submit(suggestion.dataset.question); focus(); } });
}

measure();
refreshWallet();
