// The wallet in the header.
import { element, hex, money } from "./dom.js";
import { wallet } from "./stream.js";

const part = (name) => document.querySelector(`[data-testid="wallet-${name}"]`);
const strip = document.querySelector('[data-testid="wallet"]');
let newest = 0;

/** Asks for the wallet and shows it. A slower, older answer never replaces a newer one. */
export async function refreshWallet() {
  newest += 1;
  const turn = newest;
  let facts;
  try {
    facts = await wallet();
  } catch (failure) {
    if (turn === newest) showProblem(failure.problem);
    return;
  }
  if (turn === newest) show(facts);
}

function show(facts) {
  const currency = facts.currency ?? "USDC";
  const limits = facts.limits ?? {};
  const changed = strip.dataset.state === "ready" && part("balance").dataset.value !== facts.displayBalance;
  amount("balance", facts.displayBalance, currency);
  amount("spent", facts.displaySpent, currency);
  amount("limit", limits.displayPerCall, currency);
  open(facts, currency);
  part("address").replaceChildren(hex(facts.address, "wallet address"));
  strip.dataset.state = "ready";
  // A chain's node may not look back to the beginning.
  const since = facts.spentSince ? `since ${facts.spentSince.slice(0, 16).replace("T", " ")} UTC` : "so far";
  strip.title = facts.payments === undefined ? "" : `${facts.payments} ${facts.payments === 1 ? "payment" : "payments"} ${since}`;
  if (facts.spentSince) part("spent").append(element("span", { class: "unit" }, ` ${since}`));
  for (const name of changed ? ["balance", "spent"] : []) blink(part(name).parentElement);
}

// What was signed for and is not decided: it counts as spent until then.
function open(facts, currency) {
  const isOpen = /[1-9]/.test(facts.open ?? "");
  part("open").parentElement.hidden = !isOpen;
  if (!isOpen) return part("open").replaceChildren();
  const until = new Date(facts.openUntil ?? NaN);
  const time = Number.isNaN(until.getTime()) ? "" : ` until ${until.toISOString().slice(11, 16)} UTC`;
  part("open").replaceChildren(money(facts.displayOpen), element("span", { class: "unit" }, ` ${currency}${time}`));
}

function amount(name, value, currency) {
  const target = part(name);
  if (value === undefined || value === null) {
    target.replaceChildren("not known");
    return;
  }
  target.dataset.value = value;
  target.title = `${value} ${currency}`;
  target.replaceChildren(money(value), element("span", { class: name === "balance" ? "unit" : "unit sr-only" }, ` ${currency}`));
}

function blink(item) {
  item.classList.remove("wallet-changed");
  void item.offsetWidth;
  item.classList.add("wallet-changed");
}

function showProblem(problem) {
  // Figures that were right a moment ago are better than none; the first time there is nothing to keep.
  if (strip.dataset.state === "ready") return;
  strip.dataset.state = "failed";
  strip.title = problem?.message ?? "";
  for (const name of ["spent", "limit", "address"]) part(name).replaceChildren("–");
  const again = element("button", { type: "button", class: "link wallet-problem", testid: "wallet-retry" }, "not available, try again");
  again.addEventListener("click", () => {
    part("balance").replaceChildren(element("span", { class: "skeleton" }, "00.00"));
    refreshWallet();
  });
  part("balance").replaceChildren(again);
}
