// Dark, light or as the system has it; remembers the choice.

const ORDER = ["auto", "dark", "light"];
let keep = null;
let current = "auto";

/** Applies the remembered theme. `kept` is {get, set}. */
export function initTheme(kept) {
  keep = kept;
  apply(kept.get("theme") ?? "auto");
}

function apply(name) {
  current = ORDER.includes(name) ? name : "auto";
  if (current === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = current;
}

export const theme = () => current;

/** Goes on to the next of auto, dark, light; returns its name. */
export function nextTheme() {
  apply(ORDER[(ORDER.indexOf(current) + 1) % ORDER.length]);
  keep.set("theme", current);
  return current;
}
