// The list of suggestions above the composer; knows rows and keys, not what the rows stand for.

import { arrange, fresh, h } from "./dom.js";

/** A listbox steered from a text field. `speaker()` gives the field that has the caret. */
export class Suggest {
  constructor(speaker) {
    this.speaker = speaker;
    this.rows = [];
    this.active = 0;
    this.id = fresh("suggest");
    this.list = h("div.suggest-list", { role: "listbox", id: this.id, "aria-label": "Suggestions" });
    this.element = h("div.suggest", { hidden: true }, this.list);
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // keep the caret where it is
  }

  get hidden() {
    return this.element.hidden;
  }

  /** Shows rows {key, nodes, run}. `active` -1: none is taken by Enter until an arrow chooses one. */
  show(rows, { heading, none, chosen, active } = {}) {
    this.rows = rows;
    this.active = active ?? Math.max(0, chosen ? rows.findIndex((row) => row.key === chosen) : 0);
    const items = rows.map((row, index) =>
      h(
        "div.suggest-row",
        {
          id: `${this.id}-${index}`,
          role: "option",
          "aria-selected": "false",
          dataset: { key: row.key },
          onpointermove: () => {
            if (this.active === index) return;
            this.active = index;
            this.#mark();
          },
          onclick: () => row.run(),
        },
        row.nodes,
      ),
    );
    arrange(
      this.list,
      [
        heading ? h("div.suggest-heading", { role: "presentation" }, heading) : null,
        ...items,
        !items.length && none ? h("div.suggest-none", { role: "presentation" }, none) : null,
      ].filter(Boolean),
    );
    this.element.hidden = false;
    this.#mark();
  }

  hide() {
    this.element.hidden = true;
    this.list.replaceChildren();
    this.rows = [];
    this.speaker()?.setAttribute("aria-expanded", "false");
    this.speaker()?.removeAttribute("aria-activedescendant");
  }

  /** Takes an arrow key, Enter or Tab; returns whether it was meant for the list. `leave`: Enter and Tab are not. */
  key(event, leave = () => false) {
    if (this.hidden || !this.rows.length) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const count = this.rows.length;
      this.active = this.active < 0 ? (step > 0 ? 0 : count - 1) : (this.active + step + count) % count;
      this.#mark();
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) {
      if (this.active < 0 || leave(event)) return false;
      this.rows[this.active].run();
    } else return false;
    event.preventDefault();
    return true;
  }

  #mark() {
    const options = [...this.list.querySelectorAll("[role=option]")];
    options.forEach((row, index) => {
      row.classList.toggle("active", index === this.active);
      row.setAttribute("aria-selected", String(index === this.active));
    });
    const row = options[this.active];
    const speaker = this.speaker();
    if (speaker?.getAttribute("role") === "combobox") {
      speaker.setAttribute("aria-expanded", String(options.length > 0));
      if (row) speaker.setAttribute("aria-activedescendant", row.id);
      else speaker.removeAttribute("aria-activedescendant");
    }
    row?.scrollIntoView({ block: "nearest" });
  }
}
