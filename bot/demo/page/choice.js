// A select menu that works by mouse, touch, keyboard and screen reader; knows options, not what they mean.

import { arrange, fresh, h } from "./dom.js";
import { emojiNode } from "./emoji.js";
import { icon } from "./icons.js";

/** One select: `options` as Discord's JSON, `changed(values)` when the person has chosen. */
export class Choice {
  constructor(component, { options, label, changed, immediate, describedby }) {
    this.options = options;
    this.label = label;
    this.changed = changed;
    this.min = component.min_values ?? 1;
    this.max = component.max_values ?? 1;
    this.immediate = immediate;
    this.values = options.filter((option) => option.default).map((option) => option.value);
    this.active = -1;
    this.id = fresh("choice");
    this.face = h("span.choice-face");
    this.search = h("input.choice-search", {
      type: "text",
      "aria-label": `Search: ${label}`,
      placeholder: "Search",
      oninput: () => {
        this.active = 0;
        this.#draw();
      },
    });
    this.list = h("div.choice-list", {
      role: "listbox",
      id: this.id,
      "aria-label": label,
      "aria-multiselectable": this.max > 1 ? "true" : null,
    });
    this.popup = h("div.choice-popup", { hidden: true }, options.length > 8 ? this.search : null, this.list);
    this.button = h(
      "button.choice-button",
      {
        type: "button",
        role: "combobox",
        "aria-haspopup": "listbox",
        "aria-expanded": "false",
        "aria-controls": this.id,
        "aria-label": label,
        "aria-describedby": describedby,
        disabled: Boolean(component.disabled),
        dataset: { custom: component.custom_id ?? "" },
        onclick: () => (this.popup.hidden ? this.#open() : this.#close(true)),
      },
      this.face,
      icon("chevron"),
    );
    this.element = h("div.choice", { onkeydown: (event) => this.#key(event) }, this.button, this.popup);
    this.#drawFace();
  }

  #shown() {
    const wanted = this.search.value.trim().toLowerCase();
    return this.options.filter((option) => !wanted || option.label.toLowerCase().includes(wanted));
  }

  #open() {
    this.popup.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.before = this.values.join("\n");
    const shown = this.#shown();
    this.active = Math.max(
      0,
      shown.findIndex((option) => this.values.includes(option.value)),
    );
    this.#draw();
    const below = innerHeight - this.button.getBoundingClientRect().bottom;
    this.popup.classList.toggle("upward", below < Math.min(320, this.popup.offsetHeight + 12));
    if (this.options.length > 8) this.search.focus();
    this.outside = (event) => {
      if (!this.element.contains(event.target)) this.#close(true);
    };
    document.addEventListener("pointerdown", this.outside, true);
  }

  #close(commit) {
    if (this.popup.hidden) return;
    document.removeEventListener("pointerdown", this.outside, true);
    this.popup.hidden = true;
    this.search.value = "";
    this.button.setAttribute("aria-expanded", "false");
    this.button.removeAttribute("aria-activedescendant");
    if (this.element.contains(document.activeElement)) this.button.focus();
    this.#drawFace();
    if (commit && !this.immediate && this.values.join("\n") !== this.before && this.values.length >= this.min)
      this.changed(this.values);
  }

  #pick(option) {
    const has = this.values.includes(option.value);
    if (this.max === 1) {
      this.values = has && this.min === 0 ? [] : [option.value];
      this.#close(false);
      this.changed(this.values);
      return;
    }
    if (has) this.values = this.values.filter((value) => value !== option.value);
    else if (this.values.length < this.max) this.values = [...this.values, option.value];
    this.#draw();
  }

  #draw() {
    const shown = this.#shown();
    this.active = Math.min(this.active, shown.length - 1);
    const rows = shown.map((option, index) => {
      const chosen = this.values.includes(option.value);
      const id = `${this.id}-${index}`;
      return h(
        "div.choice-option",
        {
          id,
          role: "option",
          "aria-selected": String(chosen),
          class: index === this.active ? "active" : "",
          dataset: { value: option.value },
          onpointerenter: () => {
            this.active = index;
            this.#mark();
          },
          onclick: () => this.#pick(option),
        },
        option.emoji ? emojiNode(option.emoji) : null,
        h("span.choice-text", {}, option.label, option.description ? h("small", {}, option.description) : null),
        chosen ? icon("check") : null,
      );
    });
    arrange(this.list, rows.length ? rows : [h("div.choice-none", {}, "No results")]);
    this.#drawFace();
    this.#mark();
  }

  #mark() {
    [...this.list.children].forEach((row, index) => row.classList.toggle("active", index === this.active));
    const row = this.list.children[this.active];
    const speaker = this.options.length > 8 ? this.search : this.button;
    if (row?.id) {
      speaker.setAttribute("aria-activedescendant", row.id);
      row.scrollIntoView({ block: "nearest" });
    }
  }

  #drawFace() {
    const chosen = this.values.map((value) => this.options.find((option) => option.value === value)).filter(Boolean);
    this.face.replaceChildren(
      ...(chosen.length
        ? chosen.map((option) =>
            h(
              this.max > 1 ? "span.choice-chip" : "span",
              {},
              option.emoji ? [emojiNode(option.emoji), " "] : null,
              option.label,
            ),
          )
        : [h("span.choice-hint", {}, this.label)]),
    );
    this.button.setAttribute(
      "aria-label",
      chosen.length ? `${this.label}: ${chosen.map((option) => option.label).join(", ")}` : this.label,
    );
  }

  #key(event) {
    if (this.popup.hidden) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        this.#open();
      }
      return;
    }
    const shown = this.#shown();
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.#close(true);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.active = (this.active + 1) % Math.max(1, shown.length);
      this.#mark();
    } else if (event.key === "ArrowUp") {
      event.preventDefault();
      this.active = (this.active - 1 + shown.length) % Math.max(1, shown.length);
      this.#mark();
    } else if (event.key === "Home") {
      event.preventDefault();
      this.active = 0;
      this.#mark();
    } else if (event.key === "End") {
      event.preventDefault();
      this.active = shown.length - 1;
      this.#mark();
    } else if (event.key === "Enter" || (event.key === " " && event.target !== this.search)) {
      event.preventDefault();
      if (shown[this.active]) this.#pick(shown[this.active]);
    } else if (event.key === "Tab") this.#close(true);
  }
}
