// The line icons and drawn avatars of the page; knows shapes and colours, not what they stand for.

import { h, s } from "./dom.js";

const PATHS = {
  hash: "M9.5 3.5 7.5 20.500M16.5 3.500l-2 17M4.5 8.500h16M3.5 15.500h16",
  thread: "M8.5 3.5 7.2 12M14.5 3.500l-.7 5M4 7.500h14M3 13h4M11 20.500h8a1.5 1.5 0 0 0 1.5-1.500v-4.500A1.5 1.5 0 0 0 19 13h-8a1.5 1.5 0 0 0-1.5 1.500V22z",
  at: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zm0 0v1.500a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-3.5 7.1",
  menu: "M4 6.500h16M4 12h16M4 17.500h16",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  chevron: "M7 10l5 5 5-5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  react: "M20.5 11.500a8.5 8.5 0 1 1-8-8M8.5 14.500c.8 1.3 2 2 3.5 2s2.7-.7 3.5-2M9 9.500h.01M15 9.500h.01M19 2.500v6M16 5.500h6",
  reply: "M10 7 4.5 12 10 17M5 12h8.500c3.5 0 6 2 6 6v1",
  apps: "M4.5 4.500h6v6h-6zM13.5 13.500h6v6h-6zM4.5 13.500h6v6h-6zM16.5 3.800l3.7 3.7-3.7 3.7-3.7-3.700z",
  copy: "M8.5 8.500h11v11h-11zM5 15.500h-.5v-11h11V5",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.700l-1.3 1.300M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.700l1.3-1.3",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v2.500M12 19.500V22M2 12h2.500M19.5 12H22M4.9 4.900l1.8 1.800M17.3 17.300l1.8 1.800M19.1 4.900l-1.8 1.800M6.7 17.300l-1.8 1.8",
  moon: "M20.5 14.500A8.5 8.5 0 0 1 9.5 3.500a8.5 8.5 0 1 0 11 11z",
  auto: "M12 3.500a8.5 8.5 0 1 0 0 17zM12 3.500a8.5 8.5 0 0 1 0 17",
  traffic: "M7 4v14M7 4 3.5 7.500M7 4l3.5 3.500M17 20V6M17 20l3.5-3.500M17 20l-3.5-3.5",
  pause: "M8.5 5.500v13M15.5 5.500v13",
  play: "M8 5.500v13l11-6.500z",
  trash: "M5 7h14M9.5 7V4.500h5V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  download: "M12 4v11M7 10.500l5 5 5-5M5 20h14",
  zoomin: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 21 21M10.5 7.500v6M7.5 10.500h6",
  zoomout: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 21 21M7.5 10.500h6",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  left: "M14.5 5 8 12l6.5 7",
  right: "M9.5 5 16 12l-6.5 7",
  send: "M4 12 3.5 4l17.5 8-17.5 8zM4 12h8",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.300a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.400z",
  file: "M6 2.500h8l4.5 4.500v14.500H6zM14 2.500V7h4.5",
  check: "M5 12.500l4.5 4.500L19 7",
  slash: "M15.5 4.500l-7 15",
  people: "M9 5.500a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.400zM3 19.500c0-3.3 2.5-5.5 6-5.500s6 2.2 6 5.500M15.5 5.800a3 3 0 0 1 0 5.800M17 14.300c2.5.6 4 2.5 4 5.2",
  shield: "M12 2.5 4.5 5.500V11c0 5 3 8.5 7.5 10.5 4.5-2 7.5-5.5 7.5-10.500V5.500z",
  down: "M12 4v15M5.5 12.5 12 19l6.5-6.5",
  warn: "M12 3.5 22 20.500H2zM12 10v5M12 17.800h.01",
};

/** A 24-unit line icon; decorative unless `label` is given. */
export function icon(name, label) {
  const props = { class: "icon", viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": name === "more" ? 3.2 : 1.9, "stroke-linecap": "round", "stroke-linejoin": "round" };
  if (label) Object.assign(props, { role: "img", "aria-label": label });
  else props["aria-hidden"] = "true";
  return s("svg", props, s("path", { d: PATHS[name] ?? PATHS.more }));
}

/** The mark of Limner: an illuminated L with a flourish, as a rounded tile. */
export function brand(size = 40) {
  const id = `g${Math.random().toString(36).slice(2)}`;
  return s("svg", { viewBox: "0 0 48 48", width: size, height: size, "aria-hidden": "true", class: "brand" },
    s("defs", {}, s("linearGradient", { id, x1: 0, y1: 0, x2: 1, y2: 1 },
      s("stop", { offset: 0, "stop-color": "#e2572f" }), s("stop", { offset: 1, "stop-color": "#9c1f4b" }))),
    s("rect", { width: 48, height: 48, fill: `url(#${id})` }),
    s("path", { d: "M15 10h9.500c-3 1.5-3.6 3-3.6 6.500v13c0 3.5-.5 5-2.4 6.6 6 .3 11.5-.6 14.5-6.600l1.5.6L32.3 38H15c2.3-1.6 2.8-3 2.8-6.500v-15c0-3.5-.5-5-2.8-6.500z", fill: "#fff4dc" }),
    s("path", { d: "M31 9.500c3.8.6 6.3 3.2 6.3 6.4 0 3-2.3 5-4.9 5-2.1 0-3.7-1.4-3.7-3.3 0-1.6 1.2-2.8 2.7-2.8 1.3 0 2.2.9 2.2 2M31 9.500c-2.3 1.5-3.3 3.5-3 5.6", fill: "none", stroke: "#ffd479", "stroke-width": 1.9, "stroke-linecap": "round" }),
    s("circle", { cx: 33.3, cy: 17.6, r: 1.5, fill: "#ffd479" }));
}

const GRADIENTS = [["#5b7cfa", "#8a4df0"], ["#0fb5a6", "#127fbf"], ["#f2994a", "#e2573b"], ["#e85d9e", "#a63fc9"], ["#4caf6e", "#12807a"], ["#d4a017", "#b0631c"]];

/** A round avatar: the brush-mark for a bot, initials on a gradient for people. */
export function avatar(user, size = 40) {
  if (user?.bot) return h("span.avatar", { style: { "--size": `${size}px` } }, brand(size));
  const name = nameOf(user);
  const letters = [...name.replace(/[^\p{L}\p{N} ]/gu, "").trim() || "?"];
  let hash = 0;
  for (const char of String(user?.id ?? name)) hash = (hash * 31 + char.codePointAt(0)) >>> 0;
  const [from, to] = GRADIENTS[hash % GRADIENTS.length];
  return h("span.avatar", { "aria-hidden": "true", style: { "--size": `${size}px`, "--from": from, "--to": to } }, letters[0].toUpperCase());
}

/** What a user is called. */
export const nameOf = (user) => user?.nick || user?.global_name || user?.username || "Someone";
