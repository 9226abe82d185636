// The little of Markdown that models write: paragraphs, lists, headings, code, bold and emphasis. Nothing becomes markup
// except through the elements made here, and links stay text: an answer can't send a visitor anywhere by one click.
import { element } from "./dom.js";

/** Shows `source` in `target`, replacing what was there. */
export function render(target, source) {
  target.replaceChildren(...blocks(source));
}

function blocks(source) {
  const made = [];
  const lines = source.split("\n");
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    if (!line.trim()) {
      at += 1;
    } else if (line.trimStart().startsWith("```")) {
      const end = lines.findIndex((other, index) => index > at && other.trimStart().startsWith("```"));
      const last = end === -1 ? lines.length : end;
      made.push(element("pre", { tabindex: "0" }, element("code", {}, lines.slice(at + 1, last).join("\n"))));
      at = last + 1;
    } else {
      const [block, next] = heading(lines, at) ?? list(lines, at) ?? paragraph(lines, at);
      made.push(block);
      at = next;
    }
  }
  return made;
}

function heading(lines, at) {
  const found = /^#{1,6}\s+(.*)$/.exec(lines[at]);
  return found ? [element("h3", {}, ...inline(found[1])), at + 1] : undefined;
}

const ITEM = /^\s*(?:[-*•]|(\d+)[.)])\s+(.*)$/;

function list(lines, at) {
  const first = ITEM.exec(lines[at]);
  if (!first) return undefined;
  const ordered = first[1] !== undefined;
  const made = element(ordered ? "ol" : "ul", ordered && first[1] !== "1" ? { start: first[1] } : {});
  for (; at < lines.length; at += 1) {
    const item = ITEM.exec(lines[at]);
    if (!item || (item[1] !== undefined) !== ordered) break;
    made.append(element("li", {}, ...inline(item[2])));
  }
  return [made, at];
}

function paragraph(lines, at) {
  const made = element("p");
  const start = at;
  for (; at < lines.length && lines[at].trim() && (at === start || (!ITEM.test(lines[at]) && !lines[at].startsWith("```"))); at += 1) {
    if (at > start) made.append(element("br"));
    made.append(...inline(lines[at]));
  }
  return [made, at];
}

const MARKS = /`([^`]+)`|\*\*([^*]+)\*\*|(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])/g;

/** The nodes of one line: code, bold, emphasis and text. */
export function inline(line) {
  const made = [];
  let end = 0;
  for (const mark of line.matchAll(MARKS)) {
    made.push(line.slice(end, mark.index));
    const [, code, strong, emphasis] = mark;
    made.push(code !== undefined ? element("code", {}, code) : strong !== undefined ? element("strong", {}, strong) : element("em", {}, emphasis));
    end = mark.index + mark[0].length;
  }
  made.push(line.slice(end));
  return made;
}
