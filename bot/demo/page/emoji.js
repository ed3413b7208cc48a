// Draws the few emoji that bots put on buttons, so they look the same everywhere; other emoji stay text.

import { h, s } from "./dom.js";

const box = (colour, ...shapes) => [["rect", { x: 1.5, y: 1.5, width: 21, height: 21, rx: 5, fill: colour }], ...shapes];
const line = (d, more = {}) => ["path", { d, fill: "none", stroke: "#fff", "stroke-width": 2.2, "stroke-linecap": "round", "stroke-linejoin": "round", ...more }];
const fill = (d, colour, more = {}) => ["path", { d, fill: colour, ...more }];
const circle = (cx, cy, r, colour, more = {}) => ["circle", { cx, cy, r, fill: colour, ...more }];

const BLUE = "#3f8de8";
const DRAWN = {
  "🔄": box(BLUE, line("M6.6 10.4A6 6 0 0 1 17 8.3M17.4 13.6A6 6 0 0 1 7 15.7"), fill("M18.8 5.2v5h-5zM5.2 18.8v-5h5z", "#fff")),
  "🔁": box(BLUE, line("M6 12v-1a3 3 0 0 1 3-3h7M18 12v1a3 3 0 0 1-3 3H8"), fill("M15.4 4.6 19.6 8l-4.2 3.4zM8.6 19.4 4.4 16l4.2-3.4z", "#fff")),
  "🔀": box(BLUE, line("M5 8h3l7 8h2M5 16h3l2-2.3M13 10.2 15 8h2"), fill("M16.3 4.9 20 8l-3.7 3.1zM16.3 12.9 20 16l-3.7 3.1z", "#fff")),
  "🔃": box(BLUE, line("M8 18V8M16 6v10"), fill("M8 4.4 11.4 9H4.6zM16 19.6 12.6 15h6.8z", "#fff")),
  "ℹ": box(BLUE, circle(12, 7.2, 1.6, "#fff"), line("M12 11v6.4", { "stroke-width": 2.8 })),
  "⏹": box(BLUE, ["rect", { x: 7.5, y: 7.5, width: 9, height: 9, rx: 1, fill: "#fff" }]),
  "⏯": box(BLUE, fill("M6 7.4v9.2L13 12zM14 7.5h1.8v9H14zM17 7.5h1.8v9H17z", "#fff")),
  "▶": box(BLUE, fill("M8.5 6.6v10.8L17.5 12z", "#fff")),
  "⬅": box(BLUE, line("M18 12H8"), fill("M4.8 12 10.6 7v10z", "#fff")),
  "➡": box(BLUE, line("M6 12h10"), fill("M19.2 12 13.4 7v10z", "#fff")),
  "⬆": box(BLUE, line("M12 18V8"), fill("M12 4.8 17 10.6H7z", "#fff")),
  "⬇": box(BLUE, line("M12 6v10"), fill("M12 19.2 17 13.4H7z", "#fff")),
  "↔": box(BLUE, line("M8 12h8"), fill("M4.4 12 9.4 7.6v8.8zM19.6 12l-5-4.4v8.8z", "#fff")),
  "↕": box(BLUE, line("M12 8v8"), fill("M12 4.4 16.4 9.4H7.6zM12 19.6l4.4-5H7.6z", "#fff")),
  "✅": box("#3ba55d", line("M6.6 12.6l3.6 3.6 7.2-8", { "stroke-width": 2.8 })),
  "❎": box("#3ba55d", line("M7.5 7.5l9 9M16.5 7.5l-9 9", { "stroke-width": 2.8 })),
  "❌": [line("M5 5l14 14M19 5 5 19", { stroke: "#e5484d", "stroke-width": 4 })],
  "✖": [line("M6 6l12 12M18 6 6 18", { stroke: "currentColor", "stroke-width": 3.6 })],
  "🔍": [circle(10, 10, 6.2, "#bfe1ff", { stroke: "#5b6a7d", "stroke-width": 2.4 }), line("M15 15l6 6", { stroke: "#7a4a2b", "stroke-width": 3.4 })],
  "🔎": [circle(14, 10, 6.2, "#bfe1ff", { stroke: "#5b6a7d", "stroke-width": 2.4 }), line("M9 15l-6 6", { stroke: "#7a4a2b", "stroke-width": 3.4 })],
  "❤": [fill("M12 21C5 16 2 12.4 2 8.5A5.3 5.3 0 0 1 12 6a5.3 5.3 0 0 1 10 2.500C22 12.4 19 16 12 21z", "#e5304a")],
  "👍": [fill("M2.5 11h4v10h-4z", "#3f8de8"), fill("M7 11.2 11.2 3c1.9 0 2.8 1.2 2.5 3l-.6 3.600h5.600c1.7 0 2.7 1.3 2.3 2.900l-1.7 6.700c-.3 1.2-1.2 1.8-2.3 1.800H9.500C8.3 21 7 20.3 7 19.300z", "#fcc419", { stroke: "#e8a80c", "stroke-width": 0.8 })],
  "👎": [fill("M2.5 3h4v10h-4z", "#3f8de8"), fill("M7 12.8 11.2 21c1.9 0 2.8-1.2 2.5-3l-.6-3.600h5.600c1.7 0 2.7-1.3 2.3-2.900L19.3 4.800C19 3.6 18.1 3 17 3H9.500C8.3 3 7 3.7 7 4.700z", "#fcc419", { stroke: "#e8a80c", "stroke-width": 0.8 })],
  "⭐": [fill("M12 1.800l3.1 6.6 7.2.9-5.3 5 1.4 7.100L12 17.900l-6.4 3.500L7 14.300l-5.3-5 7.2-.9z", "#fcc419")],
  "✨": [fill("M10 3l2 6.5 6.5 2.5-6.5 2.500L10 21l-2-6.500L1.5 12 8 9.500z", "#fcc419"), fill("M19 2l1 3 3 1-3 1-1 3-1-3-3-1 3-1z", "#fcc419"), fill("M19.5 15.500l.8 2.2 2.2.8-2.2.8-.8 2.2-.8-2.2-2.2-.8 2.2-.8z", "#fcc419")],
  "🎨": [fill("M12 2C6 2 1.5 6.3 1.5 11.600c0 5 4 9.4 9 9.4 2 0 2.5-1.3 2-2.6-.6-1.7.2-3.2 2.2-3.200h3.500c2.6 0 4.3-1.7 4.3-4.200C22.5 5.8 17.8 2 12 2z", "#d9a066", { stroke: "#a8703a", "stroke-width": 1 }), circle(7, 11.5, 1.9, "#e5304a"), circle(9.5, 6.7, 1.9, "#3f8de8"), circle(15, 6.5, 1.9, "#3ba55d"), circle(18.5, 10.3, 1.7, "#fcc419")],
  "🎲": [["rect", { x: 2.5, y: 2.5, width: 19, height: 19, rx: 4.5, fill: "#f4f4f5", stroke: "#c7c9cf" }], circle(8, 8, 1.9, "#e5304a"), circle(16, 8, 1.9, "#2e3338"), circle(12, 12, 1.9, "#2e3338"), circle(8, 16, 1.9, "#2e3338"), circle(16, 16, 1.9, "#2e3338")],
  "🪄": [line("M4 20 15 9", { stroke: "#3b3b48", "stroke-width": 3.4 }), line("M13.5 10.5 16 8", { stroke: "#f4f4f5", "stroke-width": 3.4 }), fill("M18.5 1.500l1 2.8 2.8 1-2.8 1-1 2.8-1-2.8-2.8-1 2.8-1z", "#fcc419"), fill("M9 2.500l.7 1.8 1.8.7-1.8.7L9 7.500l-.7-1.800L6.5 5l1.8-.7z", "#fcc419")],
  "✏": [fill("M3 21l1.3-5.200L16 4.100l3.9 3.900L8.2 19.700z", "#fcc419", { stroke: "#d19a0c", "stroke-width": 0.8 }), fill("M3 21l1.3-5.2 3.9 3.900z", "#f3d9b1"), fill("M3 21l.6-2.3 1.7 1.700z", "#2e3338"), fill("M16 4.100l1.6-1.600a1.9 1.9 0 0 1 2.7 0l1.2 1.200a1.9 1.9 0 0 1 0 2.700L19.9 8z", "#f0758a")],
  "🖌": [fill("M20.8 2.200c1.3 1 1.4 2.5.4 3.900l-7.4 9-3.6-3.2 7.7-8.800c.9-1.2 2-1.6 2.9-.9z", "#c2763a"), fill("M13.8 15.100c.4 4-4.5 6.8-11.3 5.7 2.6-1 2.3-3.2 3.3-5.7.9-2.3 3-3.4 4.5-3.200z", "#3f8de8")],
  "🗑": [fill("M5 7h14l-1.2 13.200A2 2 0 0 1 15.8 22H8.200a2 2 0 0 1-2-1.800z", "#9aa3af"), fill("M3.5 4.500h17V7h-17zM9 2h6v2.500H9z", "#7b8490"), line("M9.5 10.500l.4 8M14.5 10.500l-.4 8", { stroke: "#6b7480", "stroke-width": 1.5 })],
  "⚙": [circle(12, 12, 6.4, "none", { stroke: "#8b95a3", "stroke-width": 4 }), line("M12 2v4M12 18v4M2 12h4M18 12h4M4.9 4.900l2.9 2.900M16.2 16.200l2.9 2.900M19.1 4.900l-2.9 2.900M7.8 16.200l-2.9 2.9", { stroke: "#8b95a3", "stroke-width": 3 })],
  "⚠": [fill("M12 2.5 23 21.500H1z", "#fcc419", { "stroke-linejoin": "round" }), line("M12 9.500v5.5", { stroke: "#3a3000", "stroke-width": 2.4 }), circle(12, 18.2, 1.4, "#3a3000")],
  "⏳": [fill("M5 2h14v3H5zM5 19h14v3H5z", "#b5793e"), fill("M6.5 5h11c0 4-3.5 5-3.5 7s3.5 3 3.5 7h-11c0-4 3.5-5 3.5-7s-3.5-3-3.5-7z", "#cfe8ff"), fill("M8.5 8h7l-3.5 3.600zM7.5 19c.5-2.5 2.5-3.5 4.5-3.500s4 1 4.5 3.500z", "#fcc419")],
  "🔒": [line("M7.5 11V7.500a4.5 4.5 0 0 1 9 0V11", { stroke: "#9aa3af", "stroke-width": 2.6 }), ["rect", { x: 4, y: 10.5, width: 16, height: 11.5, rx: 2.5, fill: "#fcc419" }]],
  "🖼": [["rect", { x: 2, y: 3, width: 20, height: 18, rx: 1.5, fill: "#c2763a" }], ["rect", { x: 4.5, y: 5.5, width: 15, height: 13, fill: "#bfe1ff" }], fill("M4.5 18.500v-4l4.5-4 4 4 2.5-2.2 4 3.700v2.500z", "#3ba55d"), circle(15.5, 8.8, 1.6, "#fcc419")],
  "🎉": [fill("M2 22 8 7.500l8.5 8.500z", "#fcc419"), line("M13 9c0-3 1-5 3-6M15 11c2.5-2 4.5-2 6-1.5", { stroke: "#e5304a", "stroke-width": 1.8 }), circle(19, 4.5, 1.3, "#3f8de8"), circle(20.5, 15, 1.3, "#3ba55d"), circle(10, 3.5, 1.3, "#3ba55d")],
  "😂": [circle(12, 12, 10, "#fcc419"), line("M6 9.500c1-1.3 2.5-1.3 3.5 0M14.5 9.500c1-1.3 2.5-1.3 3.5 0", { stroke: "#5f3c00", "stroke-width": 1.7 }), fill("M6 13h12c0 3.5-2.7 5.8-6 5.800S6 16.5 6 13z", "#5f3c00"), fill("M3 11c1.5 1 1.8 3.5.5 4.500S.7 16 1 14.5 2 12 3 11zM21 11c-1.5 1-1.8 3.5-.5 4.500s2.8.5 2.5-1S22 12 21 11z", "#3f8de8")],
  "😮": [circle(12, 12, 10, "#fcc419"), circle(8, 9.5, 1.5, "#5f3c00"), circle(16, 9.5, 1.5, "#5f3c00"), ["ellipse", { cx: 12, cy: 16, rx: 2.8, ry: 3.4, fill: "#5f3c00" }]],
  "✉": [["rect", { x: 1.5, y: 4.5, width: 21, height: 15, rx: 2, fill: "#dfe6ee" }], line("M2.5 6l9.5 7.500L21.5 6", { stroke: "#8b95a3", "stroke-width": 1.8 })],
  "🔭": [line("M9.5 15 5 22M12.5 15l4.5 7M11 14v8", { stroke: "#8b6a4a", "stroke-width": 1.9 }), fill("M2.3 13.2 16.5 5.800l2.3 4.500L4.6 17.700z", "#5b7ca8"), fill("M15.8 4.5 20 2.300l3 5.8-4.2 2.200z", "#7fa6d6"), fill("M1 12.900l2.2-1.1 2.6 5-2.2 1.200z", "#3d5878")],
  "🎬": [["rect", { x: 2, y: 9, width: 20, height: 12.5, rx: 1.8, fill: "#3d4450" }], fill("M2 9 1.4 5.6 20.8 2.300l.7 3.400z", "#eceef2"), line("M5.5 4.700l2.6 3M11 3.800l2.6 3M16.5 2.900l2.6 3", { stroke: "#3d4450", "stroke-width": 2 })],
  "🎞": [["rect", { x: 2, y: 3, width: 20, height: 18, rx: 1.8, fill: "#3d4450" }], ["rect", { x: 7, y: 5.5, width: 10, height: 13, fill: "#bfe1ff" }], line("M4.5 6v.5M4.5 10v.5M4.5 14v.5M4.5 18v.2M19.5 6v.5M19.5 10v.5M19.5 14v.5M19.5 18v.2", { stroke: "#f4f4f5", "stroke-width": 2 })],
  "⚡": [fill("M13.5 1.5 4 13.500h6.500L8.5 22.5 20 9.500h-7z", "#fcc419")],
  "📋": [["rect", { x: 4, y: 3, width: 16, height: 19, rx: 2, fill: "#b5793e" }], ["rect", { x: 6, y: 5.5, width: 12, height: 14.5, fill: "#f4f4f5" }], ["rect", { x: 8.5, y: 1.5, width: 7, height: 4.5, rx: 1.2, fill: "#8b95a3" }], line("M8.5 10h7M8.5 13h7M8.5 16h4.5", { stroke: "#8b95a3", "stroke-width": 1.4 })],
  "✂": [line("M8 8l11 11M8 16 19 5", { stroke: "#aab4c0", "stroke-width": 2.6 }), circle(5.5, 6.5, 3, "none", { stroke: "#e5304a", "stroke-width": 2.2 }), circle(5.5, 17.5, 3, "none", { stroke: "#e5304a", "stroke-width": 2.2 })],
  "📌": [line("M9 15 4 21", { stroke: "#9aa3af", "stroke-width": 2.4 }), fill("M14.5 2 22 9.500l-2.2 1.2-1.3-.4-4 4c.5 2 .2 3.7-1 5L4.700 10.500c1.3-1.2 3-1.5 5-1l4-4-.4-1.300z", "#e5304a")],
  "💾": [fill("M3 4.500A1.5 1.5 0 0 1 4.5 3H17l4 4v12.500a1.5 1.5 0 0 1-1.5 1.500h-15A1.5 1.5 0 0 1 3 19.500z", "#3f6fb5"), ["rect", { x: 7, y: 3, width: 9, height: 6.5, fill: "#dfe6ee" }], ["rect", { x: 12.4, y: 4.2, width: 2.2, height: 4, fill: "#3f6fb5" }], ["rect", { x: 6, y: 12.5, width: 12, height: 8.5, fill: "#f4f4f5" }], line("M8.5 15.500h7M8.5 18h7", { stroke: "#9aa3af", "stroke-width": 1.3 })],
  "🚀": [fill("M14.5 3.500C17.5 1.5 21 1.5 22.5 1.500c0 1.5 0 5-2 8l-6 6.5-6.5-6.500z", "#dfe6ee"), circle(16.5, 7.5, 2.2, "#3f8de8"), fill("M9 8.5 4 9.500l-1.5 4.5 4.5-.5zM15.5 15l-1 5-4.5 1.5.5-4.500z", "#e5304a"), fill("M7.5 14.500c-3 .5-4 3-4.5 6.5 3.5-.5 6-1.5 6.5-4.500z", "#fcc419")],
};
DRAWN["♻"] = DRAWN["🔄"];
DRAWN["📩"] = DRAWN["✉"];
DRAWN["✉️"] = DRAWN["✉"];

const PICTOGRAPH = /(?:\p{Regional_Indicator}{2}|[0-9#*]\uFE0F?\u20E3|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F)[\u{1F3FB}-\u{1F3FF}]?(?:\u200D\p{Extended_Pictographic}\uFE0F?[\u{1F3FB}-\u{1F3FF}]?)*)/gu;

/** Emoji people reach for first. */
export const COMMON = ["❤️", "👍", "😂", "😮", "🎉", "⭐", "🎨", "✨", "🔄", "✅", "❌", "✉️"];

/** A node for one emoji: {name, id} as in Discord's API, or its characters. */
export function emojiNode(emoji) {
  const name = typeof emoji === "string" ? emoji : emoji.name ?? "";
  if (emoji.id) return h("span.emoji.custom", { title: `:${name}:` }, `:${name}:`);
  const key = /^([0-9#*])\uFE0F?\u20E3$/.exec(name);
  if (key) return h("span.emoji.keycap", { role: "img", "aria-label": name, "data-emoji": name }, key[1]);
  const shapes = DRAWN[name.replaceAll("\uFE0F", "")];
  if (!shapes) return h("span.emoji", {}, name);
  return s("svg", { class: "emoji", viewBox: "0 0 24 24", role: "img", "aria-label": name, "data-emoji": name }, shapes.map(([tag, props]) => s(tag, props)));
}

/** Text cut into strings and emoji nodes. */
export function emojify(text) {
  const out = [];
  let from = 0;
  for (const match of text.matchAll(PICTOGRAPH)) {
    if (match.index > from) out.push(document.createTextNode(text.slice(from, match.index)));
    out.push(emojiNode(match[0]));
    from = match.index + match[0].length;
  }
  if (from < text.length) out.push(document.createTextNode(text.slice(from)));
  return out;
}

/** Whether a text is nothing but a few emoji (shown large). */
export function onlyEmoji(text) {
  const bare = text.replace(PICTOGRAPH, "").trim();
  return text.trim() !== "" && bare === "" && [...text.matchAll(PICTOGRAPH)].length <= 12;
}
