// The line people type in: plain text with files, or a slash command; keeps what was typed before.

import { arrange, h, toast } from "./dom.js";
import { brand, icon, nameOf } from "./icons.js";
import { thumbnail } from "./modal.js";
import { TYPES, cut, flatten } from "./options.js";
import { Pills, grow } from "./pills.js";
import { Suggest } from "./suggest.js";

const HISTORY = 50; // lines kept for arrow up
const MOST_FILES = 10; // of one message, as in Discord

/** The composer. `hands`: {slash(entry, options, files), say(text, files, reply), suggest(entry, options, focused)}. */
export class Composer {
  constructor(root, store, hands) {
    this.store = store;
    this.hands = hands;
    this.files = [];
    this.reply = null;
    this.history = this.#loadHistory();
    this.at = this.history.length;
    this.pills = new Pills(store, {
      submit: () => this.submit(),
      leave: (text) => this.#leave(text),
      recall: (event, step, empty) => {
        if (this.at < this.history.length || empty) this.#recall(event, step);
      },
      suggest: hands.suggest,
    });
    this.commands = new Suggest(() => this.text);
    this.banner = h("div.composer-banner", { hidden: true });
    this.tray = h("div.tray", { hidden: true });
    this.text = h("textarea.composer-text", {
      id: "composer",
      rows: 1,
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": this.commands.id,
      "aria-label": "Message or command",
      spellcheck: "true",
      enterkeyhint: "send",
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
    });
    this.chooser = h("input", {
      type: "file",
      multiple: true,
      hidden: true,
      tabIndex: -1,
      onchange: () => {
        this.addFiles(this.chooser.files);
        this.chooser.value = "";
      },
    });
    this.form = h(
      "form.composer-form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          this.submit();
        },
      },
      this.commands.element,
      this.pills.suggest.element,
      this.banner,
      this.tray,
      h(
        "div.composer-bar",
        {},
        h(
          "button.attach",
          {
            type: "button",
            "aria-label": "Attach a file",
            title: "Attach a file",
            onclick: () => this.chooser.click(),
          },
          icon("plus"),
        ),
        this.chooser,
        h("div.composer-field", {}, this.text, this.pills.element),
        h("button.send", { type: "submit", "aria-label": "Send", title: "Send (Enter)" }, icon("send")),
      ),
    );
    root.append(this.form);
    this.pills.element.addEventListener("keydown", (event) => {
      if (event.target !== this.pills.element) return;
      if (event.key === "Enter") this.submit();
      else if (event.key === "Escape" || event.key === "Backspace")
        this.#leave(event.key === "Escape" ? "" : `/${this.pills.entry.name}`);
      else return;
      event.preventDefault();
    });
    document.addEventListener("pointerdown", (event) => {
      if (this.form.contains(event.target)) return;
      this.commands.hide();
      this.pills.suggest.hide();
    });
    this.form.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.addFiles(event.clipboardData.files);
    });
    this.place();
  }

  #entries() {
    return flatten(this.store.usable());
  }

  #imagine() {
    return this.#entries().find((entry) => entry.name === "imagine") ?? null;
  }

  /** Called when channel, person or commands change. */
  place() {
    const channel = this.store.channels.get(this.store.current);
    const where = channel?.type === 1 ? `@${nameOf(channel.recipients?.[0])}` : `#${channel?.name ?? ""}`;
    this.text.placeholder = this.#imagine() ? `Message ${where}, or type /imagine` : `Message ${where}`;
    if (this.pills.open && !this.#entries().some((entry) => entry.name === this.pills.entry.name)) this.clear();
    this.#banner();
    grow(this.text);
  }

  clear() {
    this.pills.close();
    this.commands.hide();
    this.files = [];
    this.text.value = "";
    this.text.hidden = false;
    this.at = this.history.length;
    this.#tray();
    this.#banner();
    grow(this.text);
  }

  focus() {
    if (this.pills.open) this.pills.focus();
    else this.text.focus();
  }

  setReply(message) {
    this.reply = message;
    this.#banner();
    this.focus();
  }

  /** Begins a command by name with values {option: text}; returns whether it is offered here. */
  begin(name, values = {}) {
    const entry = this.#entries().find((one) => one.name === name);
    if (entry) this.#start(entry, new Map(Object.entries(values)));
    else toast(`/${name} is not offered here.`, "bad");
    return Boolean(entry);
  }

  /** Moves plain text into /imagine. */
  drawInstead(text = this.text.value.trim()) {
    const entry = this.#imagine();
    if (!entry) return;
    const option = entry.options.find((one) => one.type === TYPES.string);
    this.#start(entry, new Map(option && text ? [[option.name, text]] : []));
  }

  addFiles(files) {
    for (const file of files) {
      if (file.size > this.store.limit)
        toast(`${file.name} is over ${Math.round(this.store.limit / 2 ** 20)} MiB, Discord's limit.`, "bad");
      else if (this.pills.open) this.pills.takeFile(file);
      else this.files = [...this.files, file].slice(-MOST_FILES);
    }
    this.#tray();
    this.focus();
  }

  submit() {
    if (this.pills.open) this.#sendCommand();
    else this.#sendText();
  }

  #sendCommand() {
    const filled = this.pills.read();
    if (!filled) return;
    const { entry } = this.pills;
    this.#remember({ command: entry.name, values: filled.texts });
    this.clear();
    this.text.focus();
    this.hands.slash(entry, filled.options, filled.files);
  }

  async #sendText() {
    const content = this.text.value.trim();
    if (!content && !this.files.length) return;
    const entered = this.#entered(`${content} `);
    if (entered) {
      this.#start(entered.entry, entered.values);
      return;
    }
    if (/^\/[\p{L}\p{N}_-]*$/u.test(content)) {
      toast(`There is no command ${content} here.`, "bad");
      return;
    }
    const { files, reply } = this;
    this.#remember({ text: content });
    this.clear();
    this.reply = null;
    this.#banner();
    try {
      await this.hands.say(content, files, reply?.id);
    } catch (problem) {
      toast(problem.message, "bad");
      if (this.pills.open || this.text.value) return;
      this.text.value = content;
      this.files = files;
      this.#tray();
      grow(this.text);
    }
  }

  #start(entry, values) {
    this.clear();
    this.text.hidden = true;
    this.pills.start(entry, values);
    this.#banner();
  }

  #leave(text) {
    this.clear();
    this.text.value = text;
    this.text.focus();
    if (text) this.#typed();
  }

  #banner() {
    const parts = [];
    if (this.reply) {
      parts.push(h("span", {}, "Replying to ", h("b", {}, nameOf(this.reply.author))));
      parts.push(
        h(
          "button.plain",
          { type: "button", "aria-label": "Do not reply", onclick: () => this.setReply(null) },
          icon("close"),
        ),
      );
    } else if (this.#hinting()) {
      parts.push(brand(18), h("span", {}, "This is a plain message. To have it drawn, use "));
      parts.push(
        h("button.inline-action", { type: "button", onclick: () => this.drawInstead() }, "/imagine"),
        h("kbd", {}, "Tab"),
      );
    }
    arrange(this.banner, parts);
    this.banner.hidden = !parts.length;
  }

  #hinting() {
    return Boolean(
      !this.reply &&
      !this.pills.open &&
      this.text.value.trim() &&
      !this.text.value.startsWith("/") &&
      this.#imagine(),
    );
  }

  #tray() {
    const remove = (file) => {
      this.files = this.files.filter((one) => one !== file);
      this.#tray();
      this.focus();
    };
    arrange(
      this.tray,
      this.files.map((file) =>
        h(
          "div.tray-item",
          {},
          file.type.startsWith("image/") ? thumbnail(file) : icon("file"),
          h("span", {}, file.name),
          h(
            "button.plain",
            { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => remove(file) },
            icon("close"),
          ),
        ),
      ),
    );
    this.tray.hidden = !this.files.length;
  }

  // -- typing -----------------------------------------------------------------------------------

  #typed() {
    const value = this.text.value;
    this.at = this.history.length;
    grow(this.text);
    this.#banner();
    const entered = this.#entered(value);
    if (entered) this.#start(entered.entry, entered.values);
    else if (value.startsWith("/")) this.#offerCommands(value.slice(1).trim().toLowerCase());
    else this.commands.hide();
  }

  /** The command a text begins with, once its whole name and a space are there. */
  #entered(value) {
    if (!value.startsWith("/")) return null;
    const typed = value.toLowerCase();
    const entry = this.#entries()
      .sort((a, b) => b.name.length - a.name.length)
      .find((one) => typed.startsWith(`/${one.name} `));
    return entry
      ? { entry, values: cut(value.slice(entry.name.length + 2), entry.options, entry.options[0]?.name) }
      : null;
  }

  #offerCommands(wanted) {
    const rank = ({ name, description }) =>
      name.startsWith(wanted) ? 0 : name.includes(wanted) ? 1 : description.toLowerCase().includes(wanted) ? 2 : 9;
    const found = this.#entries()
      .filter((entry) => rank(entry) < 9)
      .sort((a, b) => rank(a) - rank(b));
    const rows = found.map((entry) => ({
      key: entry.name,
      nodes: [
        h("span.suggest-icon", {}, brand(26)),
        h(
          "span.suggest-text",
          {},
          h("b", {}, `/${entry.name}`),
          entry.options
            .filter((option) => option.required)
            .map((option) => h("span.suggest-option", {}, option.name)),
          h("small", {}, entry.description),
        ),
      ],
      run: () => this.#start(entry, new Map()),
    }));
    const { bot } = this.store;
    this.commands.show(rows, {
      heading: bot ? `Commands of ${nameOf(bot)}` : "Commands",
      none: bot?.online ? "No such command." : "The bot is not connected, so there are no commands yet.",
    });
  }

  #key(event) {
    if (event.isComposing || this.commands.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) this.submit();
    else if (event.key === "Tab" && !event.shiftKey && this.#hinting()) this.drawInstead();
    else if (event.key === "Escape" && !this.commands.hidden) this.commands.hide();
    else if (event.key === "Escape" && this.reply) this.setReply(null);
    else {
      if (event.key === "ArrowUp" && (this.text.value === "" || this.at < this.history.length))
        this.#recall(event, -1);
      else if (event.key === "ArrowDown" && this.at < this.history.length) this.#recall(event, 1);
      return;
    }
    event.preventDefault();
  }

  // -- what was typed before --------------------------------------------------------------------

  #loadHistory() {
    try {
      return JSON.parse(localStorage.getItem("limner.history") ?? "[]");
    } catch {
      return [];
    }
  }

  #remember(entry) {
    const last = JSON.stringify(this.history.at(-1));
    if (JSON.stringify(entry) !== last) this.history = [...this.history, entry].slice(-HISTORY);
    try {
      localStorage.setItem("limner.history", JSON.stringify(this.history));
    } catch {
      /* a private window keeps nothing */
    }
    this.at = this.history.length;
  }

  #recall(event, step) {
    const at = Math.max(0, Math.min(this.history.length, this.at + step));
    if (at === this.at) return;
    event.preventDefault();
    const entry = this.history[at];
    if (entry?.command) {
      if (!this.begin(entry.command, entry.values)) return;
      this.pills.suggest.hide(); // so that the arrows go on through the history
    } else {
      this.clear();
      this.text.value = entry?.text ?? "";
      grow(this.text);
      this.#banner();
      this.text.focus();
    }
    this.at = at;
  }
}
