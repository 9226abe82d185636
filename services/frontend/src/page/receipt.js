// A payment, as a toll ticket.
import { element, hex, icon, money, network } from "./dom.js";

/** Makes the ticket of one x402 receipt. */
export function ticket(receipt) {
  const amount = money(receipt.displayAmount);
  const currency = receipt.currency ?? "";
  const item = (name, value) => element("div", {}, element("dt", {}, name), element("dd", {}, value));
  return element(
    "section",
    { class: "receipt", testid: "receipt", "data-amount": receipt.amount, "data-transaction": receipt.transaction, "aria-label": `Receipt: ${amount} ${currency} paid` },
    element(
      "div",
      { class: "receipt-stub" },
      element("span", { class: "receipt-label" }, icon("tick"), "Toll paid"),
      element("span", { class: "receipt-amount", testid: "receipt-amount" }, amount),
      element("span", { class: "receipt-currency", testid: "receipt-currency" }, currency),
    ),
    element(
      "dl",
      {},
      item("From", hex(receipt.payer, "payer address", "receipt-payer")),
      item("To", hex(receipt.payTo, "recipient address", "receipt-pay-to")),
      item("Transaction", hex(receipt.transaction, "transaction", "receipt-transaction")),
      item("Network", element("span", { testid: "receipt-network", title: receipt.network ?? "" }, network(receipt.network))),
      item("For", element("span", { testid: "receipt-resource", title: receipt.resource ?? "" }, path(receipt.resource))),
      item("Known from", element("span", { testid: "receipt-evidence" }, EVIDENCE[receipt.evidence] ?? "the seller")),
    ),
  );
}

/** The same as plain text, when the ticket cannot be drawn. */
export function plain(receipt) {
  const words = JSON.stringify(receipt) ?? "no receipt";
  return element("p", { class: "note", testid: "receipt", "data-transaction": receipt?.transaction }, `Paid: ${words}`);
}

// How it is known that the money moved.
const EVIDENCE = { seller: "the seller", chain: "the chain", refuted: "the seller, but the chain disagrees" };

// The host of what was bought says little to a visitor; the whole address is on hover.
function path(resource) {
  try {
    const url = new URL(resource);
    return decodeURI(url.pathname + url.search);
  } catch {
    return String(resource ?? "not known");
  }
}
