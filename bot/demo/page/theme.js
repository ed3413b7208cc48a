// Dark, light or as the system has it; remembers the choice.

const NAMES = ["auto", "dark", "light"];
let keep = null;
let current = "auto";

/** Applies the remembered theme. `kept` is {get, set}. */
export function initTheme(kept) {
  keep = kept;
  apply(kept.get("theme") ?? "auto");
}

function apply(name) {
  current = NAMES.includes(name) ? name : "auto";
  if (current === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = current;
}

export const theme = () => current;

/** Goes on to the next theme and returns its name; the first step is always one that can be seen. */
export function nextTheme() {
  const order = matchMedia("(prefers-color-scheme: light)").matches
    ? ["auto", "dark", "light"]
    : ["auto", "light", "dark"];
  apply(order[(order.indexOf(current) + 1) % order.length]);
  keep.set("theme", current);
  return current;
}
