// The list of messages: order, grouping, days, scrolling and walking through it by keyboard; sends nothing itself.

import { arrange, h } from "./dom.js";
import { icon } from "./icons.js";
import { MessageView } from "./message.js";
import { EPHEMERAL } from "./store.js";

const GROUP_WITHIN = 7 * 60 * 1000; // milliseconds between messages that share a name and face
const NEAR_END = 80; // pixels
const NEAR_START = 120;

/** Draws the open channel. `hands` goes on to each message, and has {older(), composer(), beginning(complete)}. */
export class MessageList {
  constructor({ scroller, list, newer }, store, hands) {
    Object.assign(this, { scroller, list, newer, store, hands });
    this.views = new Map(); // message id, or "day-…" -> what shows it
    this.waiting = new Map(); // message id -> custom_ids whose answer is awaited
    this.failures = new Map(); // message id -> words
    this.locals = []; // lines that only this page knows: commands on their way, failures, hints
    this.stuck = true; // whether the end is kept in view
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    newer.addEventListener("click", () => this.toEnd());
    // pictures and edits change heights after the fact; whoever reads the end stays there
    const observer = new ResizeObserver(() => {
      if (this.stuck) scroller.scrollTop = scroller.scrollHeight;
    });
    observer.observe(list);
    observer.observe(scroller);
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("focusin", (event) => this.#rove(event.target.closest(".message")));
  }

  #scrolled() {
    this.stuck = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < NEAR_END;
    if (this.stuck) this.newer.hidden = true;
    if (this.scroller.scrollTop < NEAR_START) this.#older();
  }

  /** The button of a message with this custom_id, as it is drawn now. */
  button(id, custom) {
    return document.getElementById(`m-${id}`)?.querySelector(`button[data-custom="${CSS.escape(custom)}"]`);
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.stuck = true;
    this.newer.hidden = true;
  }

  async #older() {
    const channel = this.store.current;
    const first = this.store.list(channel)[0];
    if (this.loading || !first || this.store.complete.has(channel)) return;
    this.loading = true;
    try {
      const answer = await this.hands.older(channel, first.id);
      if (!answer) return;
      const before = this.scroller.scrollHeight;
      this.store.prepend(channel, answer.messages, answer.complete);
      this.scroller.scrollTop += this.scroller.scrollHeight - before;
    } catch {
      /* the next scroll tries again */
    } finally {
      this.loading = false;
    }
  }

  /** Says that something came while the reader is further up. */
  tellNewer() {
    this.newer.hidden = false;
    this.newer.replaceChildren(icon("down"), " New messages");
  }

  /** Draws every message of the open channel; what is there already is only brought up to date. */
  draw() {
    const here = [...this.store.list(), ...this.locals.filter((line) => line.channel_id === this.store.current)];
    const nodes = [];
    const shown = new Set();
    let previous = null;
    for (const message of here) {
      const day = new Date(message.timestamp).toDateString();
      if (previous && new Date(previous.timestamp).toDateString() !== day) {
        nodes.push(this.#day(day, message.timestamp));
        shown.add(`day-${day}`);
        previous = null;
      }
      if (!this.views.has(message.id)) this.views.set(message.id, new MessageView(this.hands));
      nodes.push(this.#update(message, follows(message, previous)).element);
      shown.add(message.id);
      previous = message;
    }
    for (const id of [...this.views.keys()]) if (!shown.has(id)) this.views.delete(id);
    const wasStuck = this.stuck;
    arrange(this.list, nodes);
    this.hands.beginning(this.store.complete.has(this.store.current));
    if (wasStuck) this.toEnd();
  }

  /** Draws one message again, where it is in view. */
  drawOne(id) {
    const message = this.store.find(id);
    if (!this.views.has(id) || message?.channel_id !== this.store.current) return;
    this.#update(message, this.views.get(id).element.classList.contains("grouped"));
    if (this.stuck) this.toEnd();
  }

  #update(message, grouped) {
    return this.views.get(message.id).update(message, {
      grouped,
      waiting: this.waiting.get(message.id),
      failed: this.failures.get(message.id),
    });
  }

  #day(day, timestamp) {
    const key = `day-${day}`;
    if (!this.views.has(key)) {
      const words = new Date(timestamp).toLocaleDateString(undefined, {
        day: "numeric",
        month: "long",
        year: "numeric",
      });
      this.views.set(key, { element: h("li.day", { role: "separator" }, h("span", {}, words)) });
    }
    return this.views.get(key).element;
  }

  /** Scrolls to a message and lets it flash; returns whether it is there. */
  jump(id) {
    const view = this.views.get(id);
    view?.element.scrollIntoView({ block: "center", behavior: "smooth" });
    view?.element.classList.add("flash");
    setTimeout(() => view?.element.classList.remove("flash"), 1600);
    return Boolean(view);
  }

  // arrows walk through the messages once one of them has the keyboard; Enter goes in, Escape out
  #key(event) {
    const row = event.target;
    if (!row.classList.contains("message")) {
      if (event.key !== "Escape") return;
      row.closest(".message")?.focus();
      event.preventDefault();
      return;
    }
    const all = [...this.list.querySelectorAll(".message")];
    const at = all.indexOf(row);
    const to = all[{ ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key]];
    if (event.key === "Escape") this.hands.composer();
    else if (event.key === "Enter")
      row.querySelector(".components button, .picture, a, .reaction, .dismiss")?.focus();
    else if (to) {
      to.focus();
      to.scrollIntoView({ block: "nearest" });
    } else return;
    event.preventDefault();
  }

  #rove(message) {
    for (const node of this.list.querySelectorAll('.message[tabindex="0"]')) if (node !== message) node.tabIndex = -1;
    if (message) message.tabIndex = 0;
  }
}

/** Whether a message shares the name and face of the one before it. */
function follows(message, previous) {
  const framed = [19, 20, 23].includes(message.type); // a reply or a command has its own line above
  return (
    Boolean(previous) &&
    !framed &&
    previous.author.id === message.author.id &&
    (previous.flags & EPHEMERAL) === (message.flags & EPHEMERAL) &&
    new Date(message.timestamp) - new Date(previous.timestamp) < GROUP_WITHIN
  );
}
