// A slash command as a row of option pills: filling in, suggestions, checks; sends nothing itself.

import { announce, fresh, h, toast } from "./dom.js";
import { brand, icon } from "./icons.js";
import { thumbnail } from "./modal.js";
import { TYPES, choices, exact, fitting, isFree, trouble, typedValue } from "./options.js";
import { Suggest } from "./suggest.js";

const ASK_AFTER = 180; // milliseconds of quiet before the bot is asked for suggestions
const SHOWN = 25; // suggestions at once, as in Discord

/** `hands`: {submit(), leave(text), recall(event, step), suggest(entry, options, focused)}. */
export class Pills {
  constructor(store, hands) {
    this.store = store;
    this.hands = hands;
    this.entry = null;
    this.fields = [];
    this.focused = null; // the field that has the caret
    this.suggest = new Suggest(() => this.focused?.input);
    this.element = h("div.pills", { hidden: true, role: "group" });
  }

  get open() {
    return this.entry !== null;
  }

  /** Begins a command; `values` maps option names to text or a File. */
  start(entry, values) {
    this.close();
    this.entry = entry;
    this.element.hidden = false;
    this.element.setAttribute("aria-label", `Command /${entry.name}`);
    this.more = h("button.pill-more", {
      type: "button",
      onclick: () => this.#offerOptions(),
      onkeydown: (event) => this.#moreKey(event),
    });
    this.element.replaceChildren(h("span.pill-command", {}, brand(20), `/${entry.name}`), this.more);
    for (const option of entry.options) {
      const value = values.get(option.name);
      if (!option.required && value === undefined) continue;
      const field = this.#add(option);
      if (value instanceof File) this.#setFile(field, value);
      else if (value !== undefined) this.#setText(field, String(value));
    }
    this.#count();
    announce(`Command ${entry.name}. ${entry.description}`);
    this.focus();
  }

  close() {
    this.entry = null;
    this.fields = [];
    this.focused = null;
    this.asked = null;
    this.element.hidden = true;
    this.element.replaceChildren();
    this.suggest.hide();
  }

  /** Puts the caret where the next value belongs. */
  focus() {
    const next = this.fields.find((field) => !this.#filled(field)) ?? this.fields.at(-1);
    if (next) {
      next.input.focus();
      const end = next.input.value?.length ?? 0;
      if (next.option.type !== TYPES.attachment) next.input.setSelectionRange(end, end);
    } else if (this.more.hidden) {
      // nothing to fill in: the command itself takes Enter
      this.element.tabIndex = -1;
      this.element.focus();
    } else this.#offerOptions(-1);
  }

  /** Takes a dropped or pasted file into the first free option for one; says so where there is none. */
  takeFile(file) {
    const free = this.fields.find((field) => field.option.type === TYPES.attachment && !field.file);
    const unused = this.#left().find((option) => option.type === TYPES.attachment);
    if (free || unused) this.#setFile(free ?? this.#add(unused), file);
    else
      toast(`/${this.entry.name} takes no ${this.fields.some((field) => field.file) ? "further " : ""}file.`, "bad");
  }

  /** What is filled in: {options, files, texts}, or null after pointing at what is wrong. */
  read() {
    // a choice typed in full counts as chosen
    for (const field of this.fields) {
      if (!field.picked && field.input.value) field.picked = exact(field.option, field.input.value, this.store);
    }
    for (const field of this.fields) {
      const wrong = trouble(field.option, { text: this.#text(field), picked: field.picked, file: field.file });
      field.element.classList.toggle("wrong", Boolean(wrong));
      field.input.setAttribute("aria-invalid", String(Boolean(wrong)));
      if (!wrong) continue;
      field.input.focus();
      this.suggest.show([], { heading: h("span.wrong", {}, h("b", {}, field.option.name), ` ${wrong}`) });
      announce(`${field.option.name}: ${wrong}`);
      return null;
    }
    const written = this.fields.filter((field) => this.#text(field));
    return {
      options: Object.fromEntries(written.map((field) => [field.option.name, this.#value(field)])),
      files: Object.fromEntries(
        this.fields.filter((field) => field.file).map((field) => [field.option.name, field.file]),
      ),
      texts: Object.fromEntries(written.map((field) => [field.option.name, field.input.value])),
    };
  }

  // -- fields -----------------------------------------------------------------------------------

  #text(field) {
    return field.option.type === TYPES.attachment ? "" : field.input.value.trim();
  }

  #value(field) {
    return field.picked ? field.picked.value : typedValue(field.option, this.#text(field));
  }

  #filled(field) {
    return Boolean(field.file || this.#text(field));
  }

  #left() {
    return this.entry.options.filter((option) => !this.fields.some((field) => field.option === option));
  }

  #count() {
    const left = this.#left().length;
    this.more.hidden = left === 0;
    this.more.textContent = `+${left} more`;
    this.more.setAttribute(
      "aria-label",
      `${left} more option${left === 1 ? "" : "s"}: arrow down chooses, Enter sends`,
    );
  }

  #add(option) {
    const field = { option, file: null, picked: null };
    const id = fresh("option");
    const common = { id, onkeydown: (event) => this.#key(event, field), onfocus: () => this.#focus(field) };
    if (option.type === TYPES.attachment) {
      field.chooser = h("input", {
        type: "file",
        hidden: true,
        tabIndex: -1,
        onchange: () => {
          if (field.chooser.files[0]) this.#setFile(field, field.chooser.files[0]);
          field.chooser.value = "";
        },
      });
      field.input = h("button.pill-file", { ...common, type: "button", onclick: () => field.chooser.click() });
    } else {
      const free = isFree(option);
      field.input = h(free ? "textarea.pill-input" : "input.pill-input", {
        ...common,
        ...(free ? { rows: 1 } : { type: "text" }),
        role: "combobox",
        "aria-autocomplete": "list",
        "aria-expanded": "false",
        "aria-controls": this.suggest.id,
        "aria-label": `${option.name}: ${option.description}`,
        "aria-required": String(Boolean(option.required)),
        autocomplete: "off",
        spellcheck: String(free),
        inputmode: { [TYPES.integer]: "numeric", [TYPES.number]: "decimal" }[option.type],
        enterkeyhint: "send",
        oninput: () => this.#typed(field),
      });
    }
    const remove = option.required
      ? null
      : h(
          "button.pill-remove",
          { type: "button", tabIndex: -1, "aria-label": `Remove ${option.name}`, onclick: () => this.#remove(field) },
          icon("close"),
        );
    field.element = h(
      "div.pill",
      {},
      h("label.pill-name", { for: id }, option.name),
      h("span.pill-value", {}, field.input, field.chooser ?? null),
      remove,
    );
    this.fields.push(field);
    this.element.insertBefore(field.element, this.more);
    this.#count();
    if (option.type === TYPES.attachment) this.#setFile(field, null);
    else grow(field.input);
    return field;
  }

  #remove(field) {
    const at = this.fields.indexOf(field);
    this.fields.splice(at, 1);
    field.element.remove();
    this.#count();
    this.suggest.hide();
    (this.fields[at - 1]?.input ?? this.fields[0]?.input ?? this.more).focus();
  }

  #setFile(field, file) {
    field.file = file;
    const face = file
      ? [file.type.startsWith("image/") ? thumbnail(file) : icon("file"), h("span", {}, file.name)]
      : ["Choose or drop a file"];
    field.input.replaceChildren(...face);
    field.input.setAttribute(
      "aria-label",
      `${field.option.name}: ${file ? `${file.name}, press to change` : "choose a file"}`,
    );
    if (file) field.element.classList.remove("wrong");
  }

  #setText(field, text) {
    field.picked = exact(field.option, text, this.store);
    field.input.value = field.picked ? field.picked.name : text;
    grow(field.input);
  }

  #choose(field, choice) {
    field.picked = choice;
    field.input.value = choice.name;
    field.element.classList.remove("wrong");
    grow(field.input);
    announce(`${field.option.name}: ${choice.name}`);
    const next = this.fields.find((one) => !this.#filled(one));
    (next ?? field).input.focus({ preventScroll: true });
    if (!next) this.suggest.hide();
  }

  // -- suggestions ------------------------------------------------------------------------------

  #typed(field) {
    // typing the option's own name, as in Discord's older style, is not part of the value
    if (field.input.value.toLowerCase() === `${field.option.name}: `) field.input.value = "";
    if (field.picked?.name !== field.input.value) field.picked = null;
    field.element.classList.remove("wrong");
    grow(field.input);
    this.#offer(field);
  }

  #focus(field) {
    this.focused = field;
    this.#offer(field);
  }

  #offer(field) {
    const { option } = field;
    const heading = h("span", {}, h("b", {}, option.name), " ", option.description);
    const list = choices(option, this.store);
    if (list) this.#show(field, fitting(list, field.picked ? "" : field.input.value), heading, "Nothing fits.");
    else if (option.autocomplete) this.#ask(field, heading);
    else this.suggest.show([], { heading });
  }

  #show(field, list, heading, none) {
    const rows = list.slice(0, SHOWN).map((choice) => ({
      key: String(choice.value),
      nodes: [
        choice.before ?? null,
        h("span.suggest-text", {}, choice.name, choice.small ? h("small", {}, choice.small) : null),
      ],
      run: () => this.#choose(field, choice),
    }));
    this.suggest.show(rows, { heading, none, chosen: field.picked ? String(field.picked.value) : null });
  }

  #ask(field, heading) {
    clearTimeout(this.timer);
    const asked = { field };
    const still = () => this.asked === asked && this.focused === field && this.open;
    if (this.suggest.hidden || this.asked?.field !== field)
      this.suggest.show([], { heading, none: "Loading options…" });
    this.asked = asked;
    this.timer = setTimeout(async () => {
      if (!still()) return;
      const written = this.fields.filter((one) => one === field || this.#text(one));
      const options = Object.fromEntries(
        written.map((one) => [one.option.name, one.picked ? one.picked.value : one.input.value]),
      );
      try {
        const answer = await this.hands.suggest(this.entry, options, field.option.name);
        if (still()) this.#show(field, answer.choices ?? [], heading, "No options match your search.");
      } catch {
        if (still()) this.suggest.show([], { heading, none: "Loading options failed." });
      }
    }, ASK_AFTER);
  }

  /** Lists the options not used yet; with `active` -1 none is taken by Enter. */
  #offerOptions(active = 0) {
    this.focused = null;
    this.more.focus();
    const rows = this.#left().map((option) => ({
      key: option.name,
      nodes: [h("span.suggest-text", {}, h("b", {}, option.name), h("small", {}, option.description))],
      run: () => this.#add(option).input.focus(),
    }));
    this.suggest.show(rows, { heading: "More options", active });
  }

  // -- keys -------------------------------------------------------------------------------------

  #moreKey(event) {
    if (this.suggest.key(event)) return;
    const down = event.key === "ArrowDown" || event.key === "ArrowRight";
    if (event.key === "Enter") this.hands.submit();
    else if (down && this.suggest.hidden) this.#offerOptions();
    else if (event.key === "Backspace" && this.fields.length) this.fields.at(-1).input.focus();
    else if (event.key === "Backspace") this.hands.leave(`/${this.entry.name}`);
    else if (event.key === "Escape") this.hands.leave("");
    else return;
    event.preventDefault();
  }

  #key(event, field) {
    if (event.isComposing) return;
    const input = field.input;
    const empty = !this.#filled(field);
    const file = field.option.type === TYPES.attachment;
    // what is chosen already is sent by Enter; what may stay empty is left by Tab
    if (this.suggest.key(event, () => field.picked || (!field.option.required && event.key === "Tab" && empty)))
      return;
    const at = this.fields.indexOf(field);
    const atStart = file || (input.selectionStart === 0 && input.selectionEnd === 0);
    const atEnd = file || input.selectionStart === input.value.length;
    if (event.key === "Enter" && !event.shiftKey && !(file && empty)) this.hands.submit();
    else if (event.key === "Escape" && !this.suggest.hidden && this.suggest.rows.length) this.suggest.hide();
    else if (event.key === "Escape") this.hands.leave("");
    else if (event.key === "Backspace" && field.file) this.#setFile(field, null);
    else if (event.key === "Backspace" && empty && !field.option.required) this.#remove(field);
    else if (event.key === "Backspace" && empty && this.fields.every((one) => !this.#filled(one)))
      this.hands.leave(`/${this.entry.name}`);
    else if (event.key === "Backspace" && empty && at > 0) this.fields[at - 1].input.focus();
    else if (event.key === "ArrowLeft" && atStart && at > 0) this.fields[at - 1].input.focus();
    else if (event.key === "ArrowRight" && atEnd && this.fields[at + 1]) this.fields[at + 1].input.focus();
    else if (event.key === "ArrowRight" && atEnd && !empty && !this.more.hidden) this.#offerOptions();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      this.hands.recall(
        event,
        event.key === "ArrowUp" ? -1 : 1,
        this.fields.every((one) => !this.#filled(one)),
      );
      return;
    } else return;
    event.preventDefault();
  }
}

/** Makes a field as large as its text. */
export function grow(input) {
  if (input.classList.contains("pill-input"))
    input.style.width = `${Math.ceil(Math.max(64, Math.min(900, textWidth(input) + 10)))}px`;
  if (input.tagName !== "TEXTAREA") return;
  input.style.height = "auto";
  if (input.scrollHeight) input.style.height = `${Math.min(input.scrollHeight, 220)}px`;
}

let measure = null;
/** Width in pixels of a field's longest line. */
function textWidth(input) {
  measure ??= document.createElement("canvas").getContext("2d");
  const { fontSize, fontFamily, fontWeight } = getComputedStyle(input);
  measure.font = `${fontWeight} ${fontSize} ${fontFamily}`;
  return input.value.split("\n").reduce((most, line) => Math.max(most, measure.measureText(line).width), 0);
}
