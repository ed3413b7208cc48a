// Pop-up menus and the reaction picker; knows entries and places, not what they do.

import { h } from "./dom.js";
import { COMMON, emojiNode } from "./emoji.js";

let open = null;

/** Closes whatever menu is open. */
export function closeMenu() {
  open?.close();
}

function popup(element, { x, y }, label) {
  closeMenu();
  const before = document.activeElement;
  const layer = h(
    "div.menu-layer",
    {
      onpointerdown: (event) => {
        if (event.target === layer) close();
      },
      oncontextmenu: (event) => {
        if (event.target === layer) {
          event.preventDefault();
          close();
        }
      },
    },
    element,
  );
  document.body.append(layer);
  const box = element.getBoundingClientRect();
  element.style.left = `${Math.max(8, Math.min(x, innerWidth - box.width - 8))}px`;
  element.style.top = `${Math.max(8, Math.min(y, innerHeight - box.height - 8))}px`;
  element.setAttribute("aria-label", label);
  function close() {
    if (open?.close !== close) return;
    open = null;
    layer.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
  }
  open = { close };
  element.addEventListener("keydown", (event) => {
    const items = [...element.querySelectorAll("button:not([disabled]), input")];
    const at = items.indexOf(document.activeElement);
    const across = element.classList.contains("picker") ? 6 : 1;
    const by = { ArrowDown: across, ArrowUp: -across, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (by && document.activeElement.tagName !== "INPUT") {
      event.preventDefault();
      items[(at + by + items.length) % items.length]?.focus();
    }
  });
  element.querySelector("button:not([disabled])")?.focus({ preventScroll: true });
  return close;
}

/** A menu at a point. Entries: {label, icon, run, kind} or "-" for a rule or {heading}. */
export function menu(entries, at, label = "Menu") {
  const close = popup(
    h(
      "div.menu",
      { role: "menu" },
      entries.filter(Boolean).map((entry) => {
        if (entry === "-") return h("hr", { role: "separator" });
        if (entry.heading) return h("div.menu-heading", { role: "presentation" }, entry.heading);
        return h(
          "button",
          {
            type: "button",
            role: entry.checked === undefined ? "menuitem" : "menuitemradio",
            "aria-checked": entry.checked === undefined ? null : String(entry.checked),
            class: `${entry.kind ?? ""} ${entry.checked ? "checked" : ""}`,
            disabled: Boolean(entry.disabled),
            onclick: () => {
              close();
              entry.run();
            },
          },
          entry.before ?? null,
          h("span", {}, entry.label, entry.small ? h("small", {}, entry.small) : null),
          entry.after ?? null,
        );
      }),
    ),
    at,
    label,
  );
}

/** The reaction picker near an element. */
export function pickReaction(anchor, chosen) {
  const box = anchor.getBoundingClientRect();
  const own = h("input.input", {
    type: "text",
    "aria-label": "Another emoji",
    placeholder: "Or paste any emoji",
    maxlength: 12,
    onkeydown: (event) => {
      if (event.key === "Enter" && own.value.trim()) {
        event.preventDefault();
        close();
        chosen(own.value.trim());
      }
    },
  });
  const close = popup(
    h(
      "div.menu.picker",
      { role: "dialog" },
      h(
        "div.picker-grid",
        {},
        COMMON.map((name) =>
          h(
            "button",
            {
              type: "button",
              "aria-label": name,
              onclick: () => {
                close();
                chosen(name);
              },
            },
            emojiNode(name),
          ),
        ),
      ),
      own,
    ),
    { x: box.right - 260, y: box.bottom + 6 },
    "Add a reaction",
  );
}
