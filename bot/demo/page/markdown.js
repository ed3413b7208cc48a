// Turns Discord's markdown into DOM nodes; text stays text, whatever it holds.

import { h } from "./dom.js";
import { emojify, emojiNode } from "./emoji.js";

const DEPTH = 10;
const LINK = /^https?:\/\/[^\s<]+[^\s<.,:;"'\])|*_~`]/;
const TIME_STYLES = {
  t: { hour: "2-digit", minute: "2-digit" },
  T: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  d: { day: "2-digit", month: "2-digit", year: "numeric" },
  D: { day: "numeric", month: "long", year: "numeric" },
  f: { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" },
  F: { weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

/** Nodes for a whole message text. `names` resolves mentions: {user(id), channel(id), role(id), me, everyone}. */
export function markdown(text, names = {}) {
  return blocks(String(text ?? ""), names, 0);
}

/** Nodes for one line of text, without headings, lists and quotes. */
export function inlineMarkdown(text, names = {}) {
  return inline(String(text ?? ""), names, 0);
}

/** The words only, for screen readers and previews. */
export function plain(text, names = {}) {
  const holder = h("div", {}, markdown(text, names));
  for (const block of holder.querySelectorAll("div, li, br, pre, small, blockquote")) block.before(" ");
  for (const hidden of holder.querySelectorAll(".spoiler")) hidden.textContent = "spoiler";
  for (const drawn of holder.querySelectorAll("[data-emoji]")) drawn.replaceWith(drawn.dataset.emoji);
  return holder.textContent.replace(/\s+/g, " ").trim();
}

function blocks(text, names, depth) {
  const out = [];
  let buffer = [];
  const flush = () => {
    if (!buffer.length) return;
    out.push(...inline(buffer.join("\n"), names, depth));
    buffer = [];
  };
  // a fence may open in the middle of a line, so fences are cut out before lines are looked at
  const pieces = splitFences(text);
  for (const piece of pieces) {
    if (piece.code !== undefined) {
      flush();
      out.push(h("pre.fence", { tabIndex: 0 }, h("code", {}, piece.code)));
      continue;
    }
    const lines = piece.text.split("\n");
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index];
      const blockBefore = () => {
        flush();
      };
      let match;
      if (depth < DEPTH && (match = /^>>> ([\s\S]*)/.exec(line))) {
        blockBefore();
        out.push(h("blockquote", {}, blocks([match[1], ...lines.slice(index + 1)].join("\n"), names, depth + 1)));
        break;
      } else if (depth < DEPTH && /^> /.test(line)) {
        blockBefore();
        const quoted = [];
        while (index < lines.length && /^> /.test(lines[index])) quoted.push(lines[index++].slice(2));
        index--;
        out.push(h("blockquote", {}, blocks(quoted.join("\n"), names, depth + 1)));
      } else if ((match = /^(#{1,3}) +(\S.*)/.exec(line))) {
        blockBefore();
        out.push(
          h(
            `div.heading.h${match[1].length}`,
            { role: "heading", "aria-level": match[1].length + 2 },
            inline(match[2], names, depth + 1),
          ),
        );
      } else if ((match = /^-# +(\S.*)/.exec(line))) {
        blockBefore();
        out.push(h("small.subtext", {}, inline(match[1], names, depth + 1)));
      } else if (/^ *([-*]|\d{1,4}\.) +\S/.test(line)) {
        blockBefore();
        const items = [];
        const ordered = /^ *\d/.test(line);
        const start = ordered ? Number(/\d+/.exec(line)[0]) : 1;
        while (index < lines.length && (match = /^( *)(?:[-*]|\d{1,4}\.) +(\S.*)/.exec(lines[index]))) {
          items.push(h("li", { class: match[1].length > 1 ? "deeper" : "" }, inline(match[2], names, depth + 1)));
          index++;
        }
        index--;
        out.push(ordered ? h("ol", { start }, items) : h("ul", {}, items));
      } else {
        buffer.push(line);
      }
    }
  }
  flush();
  return out;
}

function splitFences(text) {
  const pieces = [];
  let from = 0;
  for (;;) {
    const open = text.indexOf("```", from);
    const close = open < 0 ? -1 : text.indexOf("```", open + 3);
    if (close < 0) break;
    const before = text.slice(from, open).replace(/\n$/, "");
    if (before) pieces.push({ text: before });
    const body = text
      .slice(open + 3, close)
      .replace(/^[a-zA-Z0-9+-]*\n/, "")
      .replace(/\n$/, "");
    pieces.push({ code: body });
    from = close + 3;
    if (text[from] === "\n") from++;
  }
  if (from < text.length || !pieces.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** Index of `mark` at or after `from`, skipping escaped characters; -1 when there is none. */
function closing(text, mark, from) {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text.startsWith(mark, at)) {
      // the last one of a run closes: "***bold***" closes bold on the inner pair
      while (mark.length > 1 && text[at + mark.length] === mark[0] && text.startsWith(mark, at + 1)) at++;
      return at;
    }
  }
  return -1;
}

const PAIRS = [
  ["||", (inner) => spoiler(inner)],
  ["**", (inner) => h("strong", {}, inner)],
  ["__", (inner) => h("u", {}, inner)],
  ["~~", (inner) => h("s", {}, inner)],
];

function inline(text, names, depth) {
  const out = [];
  let plainText = "";
  const missing = new Set(); // marks known to have no closing partner: keeps hostile text linear
  const flush = () => {
    if (plainText) out.push(...emojify(plainText));
    plainText = "";
  };
  const push = (node) => {
    flush();
    out.push(node);
  };
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    let match;
    if (char === "\\" && at + 1 < text.length && /[\\`*_{}[\]()#+\-.!|~<>@:]/.test(text[at + 1])) {
      plainText += text[at + 1];
      at += 2;
      continue;
    }
    if (char === "\n") {
      push(h("br"));
      at++;
      continue;
    }
    if (char === "`") {
      const ticks = /^`+/.exec(text.slice(at, at + 8))[0];
      const end = missing.has(ticks) ? -1 : findTicks(text, ticks, at + ticks.length);
      if (end >= 0) {
        const code = text.slice(at + ticks.length, end).replace(/^ (.*`.*) $/, "$1");
        push(h("code", { class: code.length <= 24 ? "short" : "" }, code)); // short ones, such as --ar, stay in one piece
        at = end + ticks.length;
      } else {
        missing.add(ticks);
        plainText += ticks;
        at += ticks.length;
      }
      continue;
    }
    if (depth < DEPTH) {
      const pair = PAIRS.find(([mark]) => char === mark[0] && text.startsWith(mark, at));
      if (pair && !missing.has(pair[0])) {
        const [mark, make] = pair;
        const end = closing(text, mark, at + 2);
        if (end > at + 2) {
          push(make(inline(text.slice(at + 2, end), names, depth + 1)));
          at = end + 2;
          continue;
        }
        if (end < 0) missing.add(mark);
      }
      if (
        (char === "*" || char === "_") &&
        !missing.has(char) &&
        /\S/.test(text[at + 1] ?? " ") &&
        text[at + 1] !== char
      ) {
        const end = italicEnd(text, char, at + 1);
        if (end > 0) {
          push(h("em", {}, inline(text.slice(at + 1, end), names, depth + 1)));
          at = end + 1;
          continue;
        }
        missing.add(char);
      }
      if (
        char === "[" &&
        (match = /^\[([^\]\n]{1,300})\]\(<?(https?:\/\/[^\s)<>]+)>?(?: +"([^"\n]*)")?\)/.exec(
          text.slice(at, at + 2500),
        ))
      ) {
        push(link(match[2], inline(match[1], names, DEPTH), match[3]));
        at += match[0].length;
        continue;
      }
    }
    if (char === "<" && (match = special(text.slice(at, at + 2200), names))) {
      push(match.node);
      at += match.length;
      continue;
    }
    if (char === "h" && (match = LINK.exec(text.slice(at, at + 2100)))) {
      push(link(match[0], [match[0]]));
      at += match[0].length;
      continue;
    }
    if (char === "@" && names.everyone && (match = /^@(everyone|here)\b/.exec(text.slice(at, at + 12)))) {
      push(h("span.mention", {}, match[0]));
      at += match[0].length;
      continue;
    }
    plainText += char;
    at++;
  }
  flush();
  return out;
}

function findTicks(text, ticks, from) {
  for (let at = text.indexOf(ticks, from); at >= 0; at = text.indexOf(ticks, at)) {
    let end = at;
    while (text[end] === "`") end++;
    if (end - at === ticks.length) return at;
    at = end;
  }
  return -1;
}

function italicEnd(text, char, from) {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") {
      at++;
      continue;
    }
    if (text[at] !== char) continue;
    if (text[at + 1] === char) {
      at++;
      continue;
    } // a bold or underline mark inside
    if (char === "*" && /\s/.test(text[at - 1])) continue;
    if (char === "_" && /[\p{L}\p{N}]/u.test(text[at + 1] ?? "")) continue;
    return at;
  }
  return -1;
}

function special(text, names) {
  let match;
  if ((match = /^<@!?(\d{1,20})>/.exec(text))) {
    const id = match[1];
    return {
      length: match[0].length,
      node: h("span.mention", { class: id === names.me ? "me" : "" }, `@${names.user?.(id) ?? "someone"}`),
    };
  }
  if ((match = /^<@&(\d{1,20})>/.exec(text)))
    return { length: match[0].length, node: h("span.mention", {}, `@${names.role?.(match[1]) ?? "role"}`) };
  if ((match = /^<#(\d{1,20})>/.exec(text))) {
    const id = match[1];
    const label = `#${names.channel?.(id) ?? "channel"}`;
    const node = names.open
      ? h("button.mention", { type: "button", onclick: () => names.open(id) }, label)
      : h("span.mention", {}, label);
    return { length: match[0].length, node };
  }
  if ((match = /^<\/([^:>\n]{1,100}):(\d{1,20})>/.exec(text))) {
    const name = match[1];
    const node = names.command
      ? h("button.mention", { type: "button", onclick: () => names.command(name) }, `/${name}`)
      : h("span.mention", {}, `/${name}`);
    return { length: match[0].length, node };
  }
  if ((match = /^<(a?):(\w{2,32}):(\d{1,20})>/.exec(text)))
    return { length: match[0].length, node: emojiNode({ name: match[2], id: match[3] }) };
  if ((match = /^<t:(-?\d{1,13})(?::([tTdDfFR]))?>/.exec(text)))
    return { length: match[0].length, node: moment(Number(match[1]), match[2] ?? "f") };
  if ((match = /^<(https?:\/\/[^\s<>]+)>/.exec(text)))
    return { length: match[0].length, node: link(match[1], [match[1]]) };
  return null;
}

/** An outside link: opens elsewhere and tells the other side nothing. */
function link(url, children, title) {
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow", title }, children);
}

function spoiler(children) {
  const inner = h("span.spoiler-text", { "aria-hidden": "true" }, children);
  const cover = h("span.spoiler", { role: "button", tabIndex: 0, "aria-label": "Spoiler, press to show" }, inner);
  const show = (event) => {
    if (cover.classList.contains("shown")) return;
    event.preventDefault();
    cover.classList.add("shown");
    cover.removeAttribute("role");
    cover.removeAttribute("aria-label");
    inner.removeAttribute("aria-hidden");
  };
  cover.addEventListener("click", show);
  cover.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") show(event);
  });
  return cover;
}

function moment(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return h("span", {}, "Invalid date");
  const words = () =>
    style === "R" ? relative(date) : new Intl.DateTimeFormat(undefined, TIME_STYLES[style]).format(date);
  const node = h("time.stamp", { datetime: date.toISOString(), title: date.toLocaleString() }, words());
  if (style === "R") {
    const timer = setInterval(() => (node.isConnected ? (node.textContent = words()) : clearInterval(timer)), 10_000);
  }
  return node;
}

/** "in 3 minutes", "2 hours ago". */
export function relative(date, now = Date.now()) {
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const seconds = (date.getTime() - now) / 1000;
  for (const [unit, size] of [
    ["year", 31557600],
    ["month", 2629800],
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(Math.trunc(seconds), "second");
}
