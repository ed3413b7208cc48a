// The drawer that shows bot writers what passes between the bot and Discord; tokens are already hidden by the server.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const KEEP = 400;
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** A list of requests, answers and frames, newest last. */
export class Traffic {
  constructor(drawer, { opened }) {
    this.drawer = drawer;
    this.opened = opened;
    this.rows = [];
    this.paused = false;
    this.filter = h("input.input", {
      type: "search",
      placeholder: "Filter: callback, 429, MESSAGE_CREATE…",
      "aria-label": "Filter traffic",
      oninput: () => this.#sift(),
    });
    this.list = h("ol.traffic-list", {
      role: "log",
      "aria-label": "Traffic between bot and Discord",
      "aria-live": "off",
      tabIndex: 0,
    });
    this.empty = h(
      "p.traffic-empty",
      {},
      "Nothing yet. Use a command or press a button and watch the requests pass.",
    );
    this.pause = h(
      "button.plain",
      {
        type: "button",
        "aria-label": "Pause",
        title: "Pause",
        "aria-pressed": "false",
        onclick: () => this.#pause(),
      },
      icon("pause"),
    );
    drawer.replaceChildren(
      h(
        "header.traffic-head",
        {},
        h("h2", {}, "Traffic"),
        this.pause,
        h(
          "button.plain",
          { type: "button", "aria-label": "Clear", title: "Clear", onclick: () => this.clear() },
          icon("trash"),
        ),
        h(
          "button.plain",
          { type: "button", "aria-label": "Close traffic", title: "Close", onclick: () => this.toggle(false) },
          icon("close"),
        ),
      ),
      h("div.traffic-filter", {}, this.filter),
      this.empty,
      this.list,
    );
  }

  toggle(show = this.drawer.hidden) {
    this.drawer.hidden = !show;
    this.opened(show);
    if (show) this.list.scrollTop = this.list.scrollHeight;
  }

  clear() {
    this.rows = [];
    this.list.replaceChildren();
    this.empty.hidden = false;
  }

  /** One line: {at, way, text, status, body}. */
  add(entry) {
    if (this.paused) return;
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.empty.hidden = true;
    const bad = entry.status >= 400 || entry.way === "fault";
    const [verb, ...rest] = entry.text.split(" ");
    const body =
      entry.body === null || entry.body === undefined
        ? ""
        : typeof entry.body === "string"
          ? entry.body
          : JSON.stringify(entry.body, null, 2);
    const line = [
      h("span.traffic-verb", { class: `${entry.way} ${/^[A-Z]+$/.test(verb) ? verb.toLowerCase() : ""}` }, verb),
      // ids are long and alike: their ends are enough until the line is opened
      h(
        "span.traffic-text",
        { title: rest.join(" ") },
        h("span.short", {}, rest.join(" ").replace(/\d{12,}(\d{4})/g, "…$1")),
        h("span.full", {}, rest.join(" ")),
      ),
      entry.status ? h("span.traffic-status", { class: bad ? "bad" : "" }, entry.status) : null,
      h("time", {}, CLOCK.format(new Date(entry.at ?? Date.now()))),
    ];
    const row = h(
      "li",
      { class: bad ? "bad" : "" },
      body
        ? h(
            "details",
            {
              ontoggle: (event) => {
                if (event.target.open && event.target.childElementCount < 2) event.target.append(this.#json(body));
              },
            },
            h("summary", {}, line),
          )
        : h("div.traffic-line", {}, line),
    );
    const item = {
      row,
      words: `${entry.way} ${entry.text} ${entry.status ?? ""} ${body.slice(0, 4000)}`.toLowerCase(),
    };
    this.rows.push(item);
    this.list.append(row);
    row.hidden = !this.#wanted(item);
    while (this.rows.length > KEEP) this.rows.shift().row.remove();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  #json(text) {
    const copy = h(
      "button.button.secondary.small",
      {
        type: "button",
        onclick: async () => {
          await navigator.clipboard?.writeText(text);
          copy.firstChild.textContent = "Copied";
        },
      },
      h("span.face", {}, "Copy"),
    );
    return h("div.traffic-body", {}, copy, h("pre", { tabIndex: 0 }, text));
  }

  #wanted(item) {
    const wanted = this.filter.value.trim().toLowerCase();
    return !wanted || item.words.includes(wanted);
  }

  #sift() {
    for (const item of this.rows) item.row.hidden = !this.#wanted(item);
  }

  #pause() {
    this.paused = !this.paused;
    this.pause.setAttribute("aria-pressed", String(this.paused));
    this.pause.replaceChildren(icon(this.paused ? "play" : "pause"));
    const label = this.paused ? "Go on" : "Pause";
    this.pause.title = label;
    this.pause.setAttribute("aria-label", label);
  }
}
