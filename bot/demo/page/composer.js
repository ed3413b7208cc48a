// The line people type in: plain text, or a slash command as a row of option pills with suggestions.

import { announce, arrange, fresh, h, toast } from "./dom.js";
import { avatar, brand, icon, nameOf } from "./icons.js";
import { thumbnail } from "./modal.js";

const TYPES = { string: 3, integer: 4, boolean: 5, user: 6, channel: 7, role: 8, mentionable: 9, number: 10, attachment: 11 };
const HISTORY = 50;

/** Every command a person can type, subcommands spelled out: {command, path: ["a", "b"], name: "a b", options}. */
export function flatten(commands) {
  const out = [];
  for (const command of commands) {
    const walk = (node, path) => {
      const nested = (node.options ?? []).filter((option) => option.type <= 2);
      if (nested.length) for (const option of nested) walk(option, [...path, option.name]);
      else out.push({ command, name: path.join(" "), description: node.description ?? "", options: node.options ?? [] });
    };
    walk(command, [command.name]);
  }
  return out.sort((a, b) => (a.name === "imagine" ? -1 : b.name === "imagine" ? 1 : a.name.localeCompare(b.name)));
}

/** `a red apple size: large` cut at `name:` of known options; the text before the first goes to `first`. */
export function cut(text, options, first) {
  const names = options.map((option) => option.name).sort((a, b) => b.length - a.length);
  const values = new Map();
  if (!names.length) return values;
  const pattern = new RegExp(`(?:^|\\s)(${names.map((name) => name.replace(/[^\p{L}\p{N}_]/gu, "\\$&")).join("|")}):\\s?`, "gu");
  let name = first;
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (name && text.slice(from, match.index).trim()) values.set(name, text.slice(from, match.index).trim());
    name = match[1];
    from = match.index + match[0].length;
  }
  if (name && text.slice(from).trim()) values.set(name, text.slice(from).trim());
  return values;
}

/** The composer. `hands`: {slash(entry, options, files), say(text, files, reply), suggest(entry, options, focused), typed()}. */
export class Composer {
  constructor(root, store, hands) {
    this.store = store;
    this.hands = hands;
    this.mode = "text";
    this.files = [];
    this.reply = null;
    this.active = 0;
    this.rows = [];
    this.history = this.#loadHistory();
    this.at = this.history.length;
    const list = fresh("suggest");
    this.list = h("div.suggest-list", { role: "listbox", id: list, "aria-label": "Suggestions" });
    this.suggest = h("div.suggest", { hidden: true }, this.list);
    this.banner = h("div.composer-banner", { hidden: true });
    this.tray = h("div.tray", { hidden: true });
    this.text = h("textarea.composer-text", {
      id: "composer", rows: 1, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list, "aria-label": "Message or command",
      placeholder: "Type / for commands", spellcheck: "true", enterkeyhint: "send", oninput: () => this.#typed(), onkeydown: (event) => this.#textKey(event),
    });
    this.pills = h("div.pills", { hidden: true, role: "group" });
    this.pick = h("input", { type: "file", multiple: true, hidden: true, "aria-hidden": "true", tabIndex: -1, onchange: () => { this.addFiles(this.pick.files); this.pick.value = ""; } });
    this.attach = h("button.attach", { type: "button", "aria-label": "Attach a file", title: "Attach a file", onclick: () => this.pick.click() }, icon("plus"));
    this.send = h("button.send", { type: "submit", "aria-label": "Send", title: "Send (Enter)" }, icon("send"));
    this.form = h("form.composer-form", { onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      this.suggest, this.banner, this.tray, h("div.composer-bar", {}, this.attach, this.pick, h("div.composer-field", {}, this.text, this.pills), this.send));
    root.append(this.form);
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // keep the caret where it is
    document.addEventListener("pointerdown", (event) => { if (!this.form.contains(event.target)) this.#hide(); });
    this.form.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.addFiles(event.clipboardData.files);
    });
    this.place();
  }

  // -- the whole --------------------------------------------------------------------------------

  /** Called when channel, person or commands change. */
  place() {
    const channel = this.store.channels.get(this.store.current);
    const where = channel?.type === 1 ? `@${nameOf(channel.recipients?.[0])}` : `#${channel?.name ?? ""}`;
    this.text.placeholder = this.#imagine() ? `Message ${where}, or type /imagine` : `Message ${where}`;
    if (this.mode === "command" && !flatten(this.store.usable()).some((entry) => entry.name === this.entry.name)) this.clear();
    this.#banner();
    this.#grow(this.text);
  }

  clear() {
    this.mode = "text";
    this.entry = null;
    this.used = [];
    this.files = [];
    this.text.value = "";
    this.text.hidden = false;
    this.pills.hidden = true;
    this.pills.replaceChildren();
    this.#hide();
    this.#tray();
    this.#banner();
    this.#grow(this.text);
    this.at = this.history.length;
  }

  focus() {
    if (this.mode === "command") (this.used.find((field) => !this.#filled(field)) ?? this.used.at(-1))?.input.focus();
    else this.text.focus();
  }

  setReply(message) {
    this.reply = message;
    this.#banner();
    this.focus();
  }

  /** Starts a command with values: {option: text}. */
  begin(name, values = {}) {
    const entry = flatten(this.store.usable()).find((one) => one.name === name);
    if (!entry) {
      toast(`/${name} is not offered here.`, "bad");
      return false;
    }
    this.#start(entry, new Map(Object.entries(values)));
    return true;
  }

  addFiles(files) {
    for (const file of files) {
      if (file.size > this.store.limit) {
        toast(`${file.name} is over ${Math.round(this.store.limit / 2 ** 20)} MiB, Discord's limit.`, "bad");
        continue;
      }
      if (this.mode === "command") {
        const free = this.used.find((field) => field.option.type === TYPES.attachment && !field.file)
          ?? this.#add(this.entry.options.find((option) => option.type === TYPES.attachment && !this.used.some((field) => field.option === option)));
        if (!free) {
          toast(`/${this.entry.name} takes no ${this.used.some((field) => field.file) ? "further " : ""}file.`, "bad");
          continue;
        }
        this.#setFile(free, file);
      } else this.files = [...this.files, file].slice(-10);
    }
    this.#tray();
    this.focus();
  }

  async submit() {
    if (this.mode === "command") return this.#submitCommand();
    const content = this.text.value.trim();
    if (!content && !this.files.length) return;
    if (content.startsWith("/")) {
      const entry = this.#entered(`${content} `);
      if (entry) {
        this.#start(entry.entry, cut(entry.rest, entry.entry.options, entry.entry.options[0]?.name));
        return;
      }
      if (/^\/[\p{L}\p{N}_-]*$/u.test(content)) {
        toast(`There is no command ${content} here.`, "bad");
        return;
      }
    }
    const { files, reply } = this;
    this.#remember({ text: content });
    this.clear();
    this.reply = null;
    this.#banner();
    try {
      await this.hands.say(content, files, reply?.id);
    } catch (problem) {
      this.text.value = content;
      this.files = files;
      this.#tray();
      this.#grow(this.text);
      toast(problem.message, "bad");
    }
  }

  #imagine() {
    const entries = flatten(this.store.usable());
    return entries.find((entry) => entry.name === "imagine") ?? null;
  }

  // -- banner, tray -----------------------------------------------------------------------------

  #banner() {
    const parts = [];
    if (this.reply) {
      parts.push(h("span", {}, "Replying to ", h("b", {}, nameOf(this.reply.author))), h("button.plain", { type: "button", "aria-label": "Do not reply", onclick: () => this.setReply(null) }, icon("close")));
    } else if (this.mode === "text" && this.text.value.trim() && !this.text.value.startsWith("/") && this.#imagine()) {
      parts.push(h("span.banner-mark", {}, brand(18)), h("span", {}, "This is a plain message. To have it drawn, use "),
        h("button.inline-action", { type: "button", onclick: () => this.drawInstead() }, "/imagine"), h("kbd", {}, "Tab"));
    }
    arrange(this.banner, parts);
    this.banner.hidden = !parts.length;
  }

  /** Moves the plain text into /imagine. */
  drawInstead(text = this.text.value.trim()) {
    const entry = this.#imagine();
    if (!entry) return;
    const option = entry.options.find((one) => one.type === TYPES.string);
    this.#start(entry, new Map(option && text ? [[option.name, text]] : []));
  }

  #tray() {
    arrange(this.tray, this.files.map((file) => h("div.tray-item", {}, file.type.startsWith("image/") ? thumbnail(file) : icon("file"), h("span", {}, file.name),
      h("button.plain", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => { this.files = this.files.filter((one) => one !== file); this.#tray(); this.focus(); } }, icon("close")))));
    this.tray.hidden = !this.files.length;
  }

  // -- plain text -------------------------------------------------------------------------------

  #typed() {
    const value = this.text.value;
    this.at = this.history.length;
    this.#grow(this.text);
    this.#banner();
    if (value.startsWith("/")) {
      const entered = this.#entered(value);
      if (entered) {
        this.#start(entered.entry, cut(entered.rest, entered.entry.options, entered.entry.options[0]?.name));
        return;
      }
      this.#commandList(value.slice(1).toLowerCase());
    } else {
      this.#hide();
      if (value) this.hands.typed();
    }
  }

  /** The command a text begins with, once its whole name and a space are there. */
  #entered(value) {
    const entries = flatten(this.store.usable()).sort((a, b) => b.name.length - a.name.length);
    const entry = entries.find((one) => value.toLowerCase().startsWith(`/${one.name} `) || (one.options.length === 0 && value.toLowerCase() === `/${one.name} `));
    return entry ? { entry, rest: value.slice(entry.name.length + 2) } : null;
  }

  #commandList(wanted) {
    if (/\s\S*\s/.test(wanted) && !flatten(this.store.usable()).some((entry) => entry.name.startsWith(wanted.trim()))) {
      this.#hide();
      return;
    }
    const entries = flatten(this.store.usable());
    const rank = (entry) => (entry.name.startsWith(wanted) ? 0 : entry.name.includes(wanted) ? 1 : entry.description.toLowerCase().includes(wanted) ? 2 : 9);
    const found = entries.filter((entry) => rank(entry) < 9).sort((a, b) => rank(a) - rank(b));
    this.#show(found.slice(0, 25).map((entry) => ({
      key: entry.name,
      nodes: [h("span.suggest-icon", {}, brand(26)), h("span.suggest-text", {}, h("b", {}, `/${entry.name}`), entry.options.filter((option) => option.required).map((option) => h("span.suggest-option", {}, option.name)), h("small", {}, entry.description))],
      run: () => this.#start(entry, new Map()),
    })), { heading: this.store.bot ? `Commands of ${nameOf(this.store.bot)}` : "Commands", none: this.store.bot?.online ? "No such command." : "The bot is not connected, so there are no commands yet." });
  }

  #textKey(event) {
    if (event.isComposing) return;
    if (this.#suggestKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Tab" && !event.shiftKey && !this.banner.hidden && !this.reply && this.text.value.trim()) {
      event.preventDefault();
      this.drawInstead();
    } else if (event.key === "Escape") {
      if (!this.suggest.hidden) this.#hide();
      else if (this.reply) this.setReply(null);
    } else if (event.key === "ArrowUp" && (this.text.value === "" || this.at < this.history.length)) {
      this.#recall(event, -1);
    } else if (event.key === "ArrowDown" && this.at < this.history.length) {
      this.#recall(event, 1);
    }
  }

  // -- command pills ----------------------------------------------------------------------------

  #start(entry, values) {
    const { reply } = this;
    this.clear();
    this.reply = reply;
    this.mode = "command";
    this.entry = entry;
    this.used = [];
    this.more = null;
    this.text.hidden = true;
    this.text.value = "";
    this.pills.hidden = false;
    this.pills.setAttribute("aria-label", `Command /${entry.name}`);
    this.pills.replaceChildren(h("span.pill-command", {}, brand(20), `/${entry.name}`));
    for (const option of entry.options) {
      if (!option.required && !values.has(option.name)) continue;
      const field = this.#add(option, false);
      const value = values.get(option.name);
      if (value instanceof File) this.#setFile(field, value);
      else if (value !== undefined) this.#setText(field, String(value));
    }
    this.more = h("button.pill-more", { type: "button", onclick: () => this.#optionList(), onkeydown: (event) => this.#moreKey(event) });
    this.pills.append(this.more);
    this.#countMore();
    this.#banner();
    announce(`Command ${entry.name}. ${entry.description}`);
    const next = this.used.find((field) => !this.#filled(field)) ?? this.used.at(-1);
    if (next) {
      next.input.focus();
      const end = next.input.value?.length ?? 0;
      if (next.input.setSelectionRange && next.option.type !== TYPES.attachment) next.input.setSelectionRange(end, end);
    } else if (this.more.hidden) this.send.focus();
    else this.#optionList(-1);
  }

  #countMore() {
    const left = this.entry.options.length - this.used.length;
    this.more.hidden = left === 0;
    this.more.textContent = `+${left} more`;
    this.more.setAttribute("aria-label", `${left} more option${left === 1 ? "" : "s"}: arrow down chooses, Enter sends`);
    this.pills.append(this.more);
  }

  #add(option, focus = true) {
    if (!option) return null;
    const field = { option, value: undefined, file: null, picked: null };
    const id = fresh("option");
    const many = option.type === TYPES.string && !option.choices?.length && !option.autocomplete;
    if (option.type === TYPES.attachment) {
      field.input = h("button.pill-file", { type: "button", id, "aria-label": `${option.name}: choose a file`, onclick: () => field.pick.click(), onkeydown: (event) => this.#pillKey(event, field), onfocus: () => this.#focused(field) }, "Choose or drop a file");
      field.pick = h("input", { type: "file", hidden: true, tabIndex: -1, onchange: () => { if (field.pick.files[0]) this.#setFile(field, field.pick.files[0]); field.pick.value = ""; } });
    } else {
      field.input = h(many ? "textarea.pill-input" : "input.pill-input", {
        id, type: many ? null : "text", rows: many ? 1 : null, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id, autocomplete: "off",
        "aria-label": `${option.name}: ${option.description}`, "aria-required": String(Boolean(option.required)), spellcheck: many ? "true" : "false",
        inputmode: option.type === TYPES.integer ? "numeric" : option.type === TYPES.number ? "decimal" : null, enterkeyhint: "send",
        oninput: () => this.#pillTyped(field), onkeydown: (event) => this.#pillKey(event, field), onfocus: () => this.#focused(field),
      });
    }
    field.element = h("div.pill", { class: many ? "wide" : "", onclick: (event) => { if (event.target === field.element || event.target.matches(".pill-name")) field.input.focus(); } },
      h("label.pill-name", { for: id }, option.name), h("span.pill-value", {}, field.input, field.pick ?? null),
      option.required ? null : h("button.pill-remove", { type: "button", tabIndex: -1, "aria-label": `Remove ${option.name}`, onclick: () => this.#removeField(field) }, icon("close")));
    this.used.push(field);
    if (this.more) {
      this.pills.insertBefore(field.element, this.more.parentNode === this.pills ? this.more : null);
      this.#countMore();
    } else this.pills.append(field.element);
    this.#grow(field.input);
    if (focus) field.input.focus();
    return field;
  }

  #removeField(field) {
    const at = this.used.indexOf(field);
    this.used.splice(at, 1);
    field.element.remove();
    this.#countMore();
    this.#hide();
    (this.used[at - 1]?.input ?? this.used[0]?.input ?? this.more).focus();
  }

  #setFile(field, file) {
    field.file = file;
    field.input.replaceChildren(file.type.startsWith("image/") ? thumbnail(file) : icon("file"), h("span", {}, file.name));
    field.input.setAttribute("aria-label", `${field.option.name}: ${file.name}, press to change`);
    field.element.classList.remove("wrong");
  }

  #setText(field, text) {
    const { option } = field;
    const choice = option.choices?.find((one) => one.name.toLowerCase() === text.toLowerCase() || String(one.value).toLowerCase() === text.toLowerCase());
    field.input.value = choice ? choice.name : text;
    field.picked = choice ? { name: choice.name, value: choice.value } : null;
    this.#grow(field.input);
  }

  #filled(field) {
    return field.option.type === TYPES.attachment ? Boolean(field.file) : field.input.value.trim() !== "";
  }

  #pillTyped(field) {
    // typing the option's own name, as in Discord's older style, is not part of the value
    if (field.input.value.toLowerCase() === `${field.option.name}: `) field.input.value = "";
    if (field.picked && field.picked.name !== field.input.value) field.picked = null;
    field.element.classList.remove("wrong");
    this.#grow(field.input);
    this.#suggestFor(field);
  }

  #focused(field) {
    this.focusedField = field;
    this.#suggestFor(field);
  }

  #suggestFor(field) {
    const { option } = field;
    const typed = field.picked ? "" : field.input.value?.trim().toLowerCase() ?? "";
    const heading = h("span", {}, h("b", {}, option.name), " ", option.description);
    const offer = (choices) => this.#show(choices.slice(0, 25).map((choice) => ({ key: String(choice.value), nodes: [choice.before ?? null, h("span.suggest-text", {}, choice.name, choice.small ? h("small", {}, choice.small) : null)], run: () => this.#choose(field, choice) })), { heading, none: "Nothing fits.", chosen: field.picked ? String(field.picked.value) : null });
    if (option.choices?.length) offer(option.choices.filter((choice) => choice.name.toLowerCase().includes(typed)));
    else if (option.type === TYPES.boolean) offer([{ name: "True", value: true }, { name: "False", value: false }].filter((choice) => choice.name.toLowerCase().startsWith(typed)));
    else if (option.type === TYPES.user || option.type === TYPES.mentionable) offer(this.#people(typed));
    else if (option.type === TYPES.role) offer(this.store.roles.filter((role) => role.name.toLowerCase().includes(typed)).map((role) => ({ name: role.name, value: role.id })));
    else if (option.type === TYPES.channel) offer([...this.store.channels.values()].filter((channel) => channel.name?.toLowerCase().includes(typed) && (!option.channel_types?.length || option.channel_types.includes(channel.type))).map((channel) => ({ name: `#${channel.name}`, value: channel.id })));
    else if (option.autocomplete) this.#ask(field, heading);
    else this.#show([], { heading, none: null });
  }

  #people(typed) {
    return [...this.store.people.values(), ...(this.store.bot ? [this.store.bot] : [])]
      .filter((user) => `${nameOf(user)} ${user.username}`.toLowerCase().includes(typed))
      .map((user) => ({ name: nameOf(user), small: user.username, value: user.id, before: h("span.suggest-icon", {}, avatar(user, 24)) }));
  }

  #ask(field, heading) {
    clearTimeout(this.asking);
    const token = (this.token = Symbol("ask"));
    if (this.suggest.hidden || this.shownFor !== field) this.#show([], { heading, none: "Loading options…" });
    this.shownFor = field;
    this.asking = setTimeout(async () => {
      const options = this.#values(true);
      options[field.option.name] = field.picked ? field.picked.value : field.input.value;
      try {
        const answer = await this.hands.suggest(this.entry, options, field.option.name);
        if (this.token !== token || this.focusedField !== field || this.mode !== "command") return;
        this.#show((answer.choices ?? []).map((choice) => ({ key: String(choice.value), nodes: [h("span.suggest-text", {}, choice.name)], run: () => this.#choose(field, choice) })), { heading, none: "No options match your search.", chosen: field.picked ? String(field.picked.value) : null });
      } catch {
        if (this.token === token && this.mode === "command") this.#show([], { heading, none: "Loading options failed." });
      }
    }, 180);
  }

  #choose(field, choice) {
    field.picked = { name: choice.name, value: choice.value };
    field.input.value = choice.name;
    field.element.classList.remove("wrong");
    this.#grow(field.input);
    announce(`${field.option.name}: ${choice.name}`);
    const next = this.used.find((one) => !this.#filled(one));
    if (next) next.input.focus();
    else {
      this.#hide();
      field.input.focus({ preventScroll: true });
      this.#hide();
    }
  }

  /** Lists the options not used yet; with `active` -1 none is taken by Enter. */
  #optionList(active = 0) {
    this.focusedField = null;
    const left = this.entry.options.filter((option) => !this.used.some((field) => field.option === option));
    this.more.focus();
    this.#show(left.map((option) => ({ key: option.name, nodes: [h("span.suggest-text", {}, h("b", {}, option.name), h("small", {}, option.description))], run: () => this.#add(option) })), { heading: "More options", none: null });
    this.active = active;
    this.#mark();
  }

  #moreKey(event) {
    if (this.#suggestKey(event)) return;
    if (event.key === "Enter") { event.preventDefault(); this.submit(); }
    else if ((event.key === "ArrowDown" || event.key === "ArrowRight") && this.suggest.hidden) { event.preventDefault(); this.#optionList(); }
    else if (event.key === "Backspace") {
      event.preventDefault();
      if (this.used.length) this.used.at(-1).input.focus();
      else { const { name } = this.entry; this.clear(); this.text.value = `/${name}`; this.text.focus(); this.#typed(); }
    }
    else if (event.key === "Escape") { event.preventDefault(); this.clear(); this.text.focus(); }
  }

  #pillKey(event, field) {
    if (event.isComposing) return;
    if (this.#suggestKey(event)) return;
    const input = field.input;
    const empty = !this.#filled(field);
    const caretAtStart = input.selectionStart === 0 && input.selectionEnd === 0;
    const caretAtEnd = input.selectionStart === input.value?.length;
    const at = this.used.indexOf(field);
    if (event.key === "Enter" && !event.shiftKey && field.option.type !== TYPES.attachment) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Enter" && field.option.type === TYPES.attachment && field.file) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (this.suggest.hidden || !this.rows.length) { this.clear(); this.text.focus(); } else this.#hide();
    } else if (event.key === "Backspace" && (empty || field.option.type === TYPES.attachment)) {
      event.preventDefault();
      if (field.file) { field.file = null; input.replaceChildren("Choose or drop a file"); }
      else if (!field.option.required) this.#removeField(field);
      else if (this.used.every((one) => !this.#filled(one))) { const { name } = this.entry; this.clear(); this.text.value = `/${name}`; this.text.focus(); this.#typed(); }
      else if (at > 0) this.used[at - 1].input.focus();
    } else if (event.key === "ArrowLeft" && caretAtStart && at > 0) {
      event.preventDefault();
      this.used[at - 1].input.focus();
    } else if (event.key === "ArrowRight" && caretAtEnd && !empty) {
      if (this.used[at + 1]) { event.preventDefault(); this.used[at + 1].input.focus(); }
      else if (!this.more.hidden) { event.preventDefault(); this.#optionList(); }
    } else if (event.key === "ArrowUp" && (this.at < this.history.length || (empty && this.used.every((one) => !this.#filled(one))))) {
      this.#recall(event, -1);
    } else if (event.key === "ArrowDown" && this.at < this.history.length && !this.rows.length) {
      this.#recall(event, 1);
    }
  }

  /** What is filled in, by option name: numbers as numbers, choices by their value. */
  #values(loose = false) {
    const out = {};
    for (const field of this.used) {
      if (field.option.type === TYPES.attachment || !this.#filled(field)) continue;
      const text = field.input.value.trim();
      if (field.picked) out[field.option.name] = field.picked.value;
      else if (field.option.type === TYPES.integer || field.option.type === TYPES.number) out[field.option.name] = loose ? text : Number(text);
      else out[field.option.name] = text;
    }
    return out;
  }

  #trouble(field) {
    const { option } = field;
    if (!this.#filled(field)) return option.required ? "This option is required." : null;
    if (option.type === TYPES.attachment || field.picked) return null;
    const text = field.input.value.trim();
    if (option.choices?.length || option.type === TYPES.boolean) return "Choose one of the list.";
    if ([TYPES.user, TYPES.channel, TYPES.role, TYPES.mentionable].includes(option.type)) return "Choose one of the list.";
    if (option.type === TYPES.integer && !/^-?\d+$/.test(text)) return "Must be a whole number.";
    if (option.type === TYPES.number && Number.isNaN(Number(text))) return "Must be a number.";
    if (option.type === TYPES.integer || option.type === TYPES.number) {
      if (option.min_value !== undefined && Number(text) < option.min_value) return `Must be at least ${option.min_value}.`;
      if (option.max_value !== undefined && Number(text) > option.max_value) return `Must be at most ${option.max_value}.`;
    }
    if (option.min_length && text.length < option.min_length) return `Must be at least ${option.min_length} characters.`;
    if (text.length > (option.max_length ?? 6000)) return `Must be at most ${option.max_length ?? 6000} characters.`;
    return null;
  }

  #submitCommand() {
    // a word typed in full counts as chosen
    for (const field of this.used) if (!field.picked && field.option.type !== TYPES.attachment && field.input.value) this.#settle(field);
    for (const field of this.used) {
      const trouble = this.#trouble(field);
      field.element.classList.toggle("wrong", Boolean(trouble));
      if (!trouble) continue;
      field.input.setAttribute("aria-invalid", "true");
      field.input.focus();
      this.#show([], { heading: h("span.wrong", {}, h("b", {}, field.option.name), ` ${trouble}`), none: null });
      announce(`${field.option.name}: ${trouble}`);
      return;
    }
    const files = Object.fromEntries(this.used.filter((field) => field.file).map((field) => [field.option.name, field.file]));
    const shown = Object.fromEntries(this.used.filter((field) => field.option.type !== TYPES.attachment && this.#filled(field)).map((field) => [field.option.name, field.input.value]));
    const { entry } = this;
    const options = this.#values();
    this.#remember({ command: entry.name, values: shown });
    this.clear();
    this.text.focus();
    this.hands.slash(entry, options, files);
  }

  #settle(field) {
    const { option } = field;
    const typed = field.input.value.trim().toLowerCase();
    let choices = option.choices ?? [];
    if (option.type === TYPES.boolean) choices = [{ name: "True", value: true }, { name: "False", value: false }];
    if (option.type === TYPES.user || option.type === TYPES.mentionable) choices = this.#people(typed);
    if (option.type === TYPES.role) choices = this.store.roles.map((role) => ({ name: role.name, value: role.id }));
    if (option.type === TYPES.channel) choices = [...this.store.channels.values()].map((channel) => ({ name: `#${channel.name}`, value: channel.id }));
    const choice = choices.find((one) => one.name.toLowerCase() === typed || one.name.toLowerCase() === `#${typed}` || one.name.toLowerCase() === `@${typed}`);
    if (choice) field.picked = { name: field.input.value, value: choice.value };
  }

  // -- suggestions ------------------------------------------------------------------------------

  #show(rows, { heading, none, chosen } = {}) {
    this.rows = rows;
    this.active = Math.max(0, chosen ? rows.findIndex((row) => row.key === chosen) : 0);
    const items = rows.map((row, index) => h("div.suggest-row", { id: `${this.list.id}-${index}`, role: "option", "aria-selected": "false", dataset: { key: row.key }, onpointermove: () => { if (this.active !== index) { this.active = index; this.#mark(); } }, onclick: () => row.run() }, row.nodes));
    arrange(this.list, [heading ? h("div.suggest-heading", { role: "presentation" }, heading) : null, ...items, !items.length && none ? h("div.suggest-none", { role: "presentation" }, none) : null].filter(Boolean));
    this.suggest.hidden = false;
    this.#mark();
  }

  #hide() {
    this.suggest.hidden = true;
    this.rows = [];
    this.shownFor = null;
    this.token = null;
    this.#speaker()?.setAttribute("aria-expanded", "false");
    this.#speaker()?.removeAttribute("aria-activedescendant");
  }

  #speaker() {
    return this.mode === "command" ? this.focusedField?.input : this.text;
  }

  #mark() {
    const options = [...this.list.querySelectorAll("[role=option]")];
    options.forEach((row, index) => {
      row.classList.toggle("active", index === this.active);
      row.setAttribute("aria-selected", String(index === this.active));
    });
    const row = options[this.active];
    const speaker = this.#speaker();
    if (speaker?.getAttribute("role") === "combobox") {
      speaker.setAttribute("aria-expanded", String(options.length > 0));
      if (row) speaker.setAttribute("aria-activedescendant", row.id);
    }
    row?.scrollIntoView({ block: "nearest" });
  }

  #suggestKey(event) {
    if (this.suggest.hidden || !this.rows.length) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.active = this.active < 0 ? (step > 0 ? 0 : this.rows.length - 1) : (this.active + step + this.rows.length) % this.rows.length;
      this.#mark();
    } else if ((event.key === "Enter" && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey)) {
      const field = this.mode === "command" ? this.focusedField : null;
      if (this.active < 0) return false;
      // an option already chosen, or left empty: Enter sends, Tab goes on
      if (field && document.activeElement === field.input && (field.picked || (!field.option.required && event.key === "Tab" && !field.input.value))) return false;
      this.rows[this.active].run();
    } else return false;
    event.preventDefault();
    return true;
  }

  // -- history ----------------------------------------------------------------------------------

  #loadHistory() {
    try { return JSON.parse(localStorage.getItem("limner.history") ?? "[]"); } catch { return []; }
  }

  #remember(entry) {
    const last = JSON.stringify(this.history.at(-1));
    if (JSON.stringify(entry) !== last) this.history = [...this.history, entry].slice(-HISTORY);
    try { localStorage.setItem("limner.history", JSON.stringify(this.history)); } catch { /* a private window keeps nothing */ }
    this.at = this.history.length;
  }

  #recall(event, step) {
    const at = Math.max(0, Math.min(this.history.length, this.at + step));
    if (at === this.at) return;
    event.preventDefault();
    const entry = this.history[at];
    if (!entry) this.clear();
    else if (entry.command) {
      if (!this.begin(entry.command, entry.values)) return;
      this.#hide();
    } else {
      this.clear();
      this.text.value = entry.text;
      this.#grow(this.text);
      this.#banner();
    }
    this.at = at;
    this.focus();
    if (entry?.command) this.#hide();
  }

  /** Makes a field as large as its text. */
  #grow(input) {
    const pill = input.classList.contains("pill-input");
    if (pill) input.style.width = `${Math.ceil(Math.max(64, Math.min(900, textWidth(input) + 10)))}px`;
    if (input.tagName !== "TEXTAREA") return;
    input.style.height = "auto";
    if (input.scrollHeight) input.style.height = `${Math.min(input.scrollHeight, 220)}px`;
  }
}

let measure = null;
/** Width in pixels of a field's longest line. */
function textWidth(input) {
  measure ??= document.createElement("canvas").getContext("2d");
  const { fontSize, fontFamily, fontWeight } = getComputedStyle(input);
  measure.font = `${fontWeight} ${fontSize} ${fontFamily}`;
  return input.value.split("\n").reduce((most, line) => Math.max(most, measure.measureText(line).width), 0);
}
