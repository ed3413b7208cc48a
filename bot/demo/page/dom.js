// Builds DOM nodes without ever parsing text as HTML; knows nothing of Discord.

const PROPERTIES = new Set([
  "value",
  "checked",
  "disabled",
  "hidden",
  "tabIndex",
  "indeterminate",
  "selected",
  "open",
]);

/** One element: `h("button.primary", {onclick, "aria-label": …}, "text", child, …)`. */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  assign(element, props);
  append(element, children);
  return element;
}

/** One SVG element, same manner. */
export function s(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  append(element, children);
  return element;
}

function assign(element, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = [element.className, value].filter(Boolean).join(" ");
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Makes `parent` show exactly `nodes`, moving only what is out of place (so focus and pictures stay). */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

let counter = 0;
/** A fresh id for aria references. */
export const fresh = (word) => `${word}-${++counter}`;

const speaker = () => document.getElementById("live");
/** Says one short sentence to screen readers. */
export function announce(text) {
  const place = speaker();
  if (!place) return;
  const line = h("p", {}, text);
  place.append(line);
  setTimeout(() => line.remove(), 6000);
}

/** A short notice at the bottom of the window. */
export function toast(text, kind = "plain") {
  const place = document.getElementById("toasts");
  const note = h("div.toast", { class: kind, role: "status" }, text);
  place.append(note);
  setTimeout(() => note.classList.add("gone"), 3600);
  setTimeout(() => note.remove(), 4000);
}
