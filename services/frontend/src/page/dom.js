// Small helpers that make elements. Text always goes in as text, never as markup.

/** Makes an element: element("p", { class: "note", testid: "x" }, "text", child). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name === "testid" ? "data-testid" : name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** An icon of the page's own sprite. */
export function icon(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(namespace, "svg");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.append(use);
  return drawing;
}

/** "0x1234abcd…" as 0x1234…cdef; short values stay whole. */
export function shorten(value) {
  return value.length > 14 ? `${value.slice(0, 6)}…${value.slice(-4)}` : value;
}

/** A button that shows a long value in short form and copies the whole of it. */
export function hex(value, what, testid) {
  const whole = String(value ?? "");
  if (!whole) return element("span", { testid }, "not known");
  const button = element("button", { type: "button", class: "hex", testid, title: whole, "data-value": whole, "aria-label": `${shorten(whole)}, copy ${what} ${whole}` }, shorten(whole));
  button.addEventListener("click", async () => {
    const copied = await copy(whole);
    button.textContent = copied ? "copied" : shorten(whole);
    if (!copied) return;
    button.dataset.copied = "";
    announce(`Copied ${what}`);
    setTimeout(() => {
      button.textContent = shorten(whole);
      delete button.dataset.copied;
    }, 1200);
  });
  return button;
}

// The clipboard API is missing on plain http, which is how a load balancer without a certificate is reached.
async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const field = element("textarea", { class: "sr-only", readonly: true });
    field.value = value;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}

/** An amount with at least two decimals and no idle zeros: "10.000000" is 10.00, "0.0005" stays. */
export function money(amount) {
  if (amount === undefined || amount === null) return "an unknown amount";
  const [whole, fraction = ""] = String(amount).split(".");
  return `${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

const CHAINS = { "eip155:1": "Ethereum", "eip155:8453": "Base", "eip155:84532": "Base Sepolia", "eip155:31337": "local chain" };

/** A CAIP-2 network in words, with its id. */
export function network(id) {
  return CHAINS[id] ? `${CHAINS[id]} (${id})` : String(id ?? "not known");
}

/** Says something to people who listen to the page instead of looking at it. */
export function announce(words) {
  document.getElementById("announcer").textContent = words;
}
