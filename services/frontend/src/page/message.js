// One question or one answer in the list, and how an answer grows event by event.
import { announce, element, icon, money } from "./dom.js";
import { plain, ticket } from "./receipt.js";
import { inline, render } from "./text.js";

const OFFLINE_MODEL = "turnpike.offline-model";

/** The visitor's own words. */
export function question(prompt) {
  return element("li", { class: "message message-visitor", testid: "message", "data-role": "visitor" }, element("span", { class: "sr-only" }, "You asked: "), element("span", { testid: "message-text" }, prompt));
}

/** An answer that is still to come. `node` goes into the list; the methods show what arrives. */
export class Answer {
  #body = element("div", { class: "message-body", testid: "answer" }, element("p", { class: "waiting" }, "Waiting for the agent"));
  #head = element("div", { class: "message-head" }, element("strong", {}, "Agent"));
  #tools = new Map();
  #text;
  #source = "";
  #drawing = 0;

  constructor() {
    this.node = element("li", { class: "message message-agent", testid: "message", "data-role": "agent", "data-state": "streaming", "aria-busy": "true" }, this.#head, this.#body);
  }

  /** Shows one event of the agent. One that cannot be drawn is shown as plain text: it must not end a paid answer. */
  receive(event) {
    try {
      this.#show(event);
    } catch (mistake) {
      console.error(mistake);
      if (event.type === "payment") this.#add(plain(event.receipt));
    }
  }

  #show(event) {
    if (event.type === "text") this.#append(event.text ?? "");
    else if (event.type === "toolCall") this.#call(event);
    else if (event.type === "payment") this.#payment(event);
    else if (event.type === "toolResult") this.#result(event);
    else if (event.type === "done") this.#model(event.model);
  }

  /** Ends the answer: "done", "stopped" or "failed". */
  end(state) {
    this.#draw();
    this.#body.querySelector(".waiting")?.remove();
    this.node.dataset.state = state;
    this.node.removeAttribute("aria-busy");
    for (const tool of this.#tools.values()) if (tool.dataset.state === "running") mark(tool, "stopped", "no answer");
    if (state === "stopped") {
      const paid = this.#body.querySelector(".receipt") ? "The payments shown above are final." : "A call in progress may still be paid for; the balance will show it.";
      this.#body.append(element("p", { class: "note", testid: "stopped" }, `Stopped. ${paid}`));
    }
    if (state === "done" && !this.#body.childElementCount) this.#body.append(element("p", { class: "note" }, "The agent finished without an answer."));
    if (state === "done") announce([...this.#body.querySelectorAll(".text")].map((part) => part.textContent).join(" "));
  }

  /** Shows a problem with what to do about it. `act` runs when its button is pressed, and returns false when it can't now. */
  fail(problem, words, act) {
    const box = element(
      "div",
      { class: "error", testid: "error", "data-code": problem.code, role: "alert" },
      element("p", { class: "error-title", testid: "error-title" }, problem.title ?? "The agent could not finish"),
      element("p", { testid: "error-message" }, ...inline(problem.message ?? "")),
    );
    if (words) {
      const button = element("button", { type: "button", class: "error-action", testid: "error-action" }, words);
      button.addEventListener("click", () => {
        if (act() !== false) button.remove();
      });
      box.append(button);
    }
    this.#add(box);
  }

  #add(part) {
    this.#draw();
    this.#body.querySelector(".waiting")?.remove();
    this.#text = undefined;
    this.#body.append(part);
  }

  #append(delta) {
    if (!this.#text) {
      if (!delta.trim()) return;
      const text = element("div", { class: "text", testid: "message-text" });
      this.#add(text);
      this.#text = text;
      this.#source = "";
    }
    this.#source += delta;
    // Deltas come faster than a screen shows them: one drawing per frame is enough.
    this.#drawing ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = 0;
    if (this.#text) render(this.#text, this.#source);
  }

  #call(event) {
    const tool = element(
      "details",
      { class: "tool", testid: "tool-call", "data-name": event.name, "data-state": "running" },
      element(
        "summary",
        {},
        element("span", { class: "tool-mark" }, icon("tick")),
        element("span", { class: "tool-name" }, event.name ?? "tool"),
        element("span", { class: "tool-arguments" }, brief(event.arguments)),
        element("span", { class: "tool-state", testid: "tool-state" }, "running"),
      ),
      element("div", { class: "tool-detail" }, ...detail("Asked with", event.arguments)),
    );
    this.#tools.set(event.id, tool);
    this.#add(tool);
  }

  #payment(event) {
    const receipt = event.receipt ?? {};
    const made = ticket(receipt);
    const tool = this.#tools.get(event.toolCallId);
    this.#text = undefined;
    if (tool) tool.after(made);
    else this.#add(made);
    announce(`Paid ${money(receipt.displayAmount)} ${receipt.currency ?? ""}`);
  }

  #result(event) {
    const tool = this.#tools.get(event.id);
    if (!tool) return;
    mark(tool, event.ok ? "ok" : "failed", event.ok ? "done" : "failed");
    tool.querySelector(".tool-detail").append(...detail(event.ok ? "Answered" : "Failed with", event.ok ? event.result : event.error));
    if (!event.ok) tool.open = true;
  }

  #model(model) {
    if (!model) return;
    const offline = model === OFFLINE_MODEL;
    this.#head.append(element("span", { class: offline ? "model model-offline" : "model", testid: "model", title: model }, offline ? "offline model" : model));
  }
}

function mark(tool, state, words) {
  tool.dataset.state = state;
  tool.querySelector(".tool-state").textContent = words;
  if (state !== "ok") tool.querySelector(".tool-mark").replaceChildren(icon("cross"));
}

function brief(values) {
  return Object.entries(values ?? {}).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
}

function detail(title, value) {
  if (value === undefined || value === null) return [];
  const words = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return [element("p", { class: "tool-title" }, title), element("pre", { tabindex: "0" }, words)];
}
