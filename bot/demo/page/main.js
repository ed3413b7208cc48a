// Puts the page together: the connection, the list of messages, and what each press does.

import { announce, arrange, h, toast } from "./dom.js";
import { Composer } from "./composer.js";
import { icon, nameOf } from "./icons.js";
import { plain } from "./markdown.js";
import { menu, pickReaction } from "./menu.js";
import { MessageView } from "./message.js";
import { openModal } from "./modal.js";
import { counted } from "./components.js";
import { Beginning, Sidebar, Top } from "./frame.js";
import { Socket } from "./socket.js";
import { EPHEMERAL, LOADING, Store } from "./store.js";
import { initTheme } from "./theme.js";
import { Traffic } from "./traffic.js";
import { Viewer } from "./viewer.js";

const place = (id) => document.getElementById(id);
const recorded = place("record") ? JSON.parse(place("record").textContent) : null;
const GROUP_WITHIN = 7 * 60 * 1000;

const kept = {
  get: (name) => { try { return localStorage.getItem(`limner.${name}`); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(`limner.${name}`, value); } catch { /* a private window keeps nothing */ } },
};

initTheme(kept);
const store = new Store();
const viewer = new Viewer();
const waiting = new Map(); // message id -> Set of custom_ids whose answer is awaited
const failures = new Map(); // message id -> words
const views = new Map();
let locals = []; // lines that only this page knows: commands on their way, failures, hints
let serial = 0;

const socket = new Socket(() => ({ user: store.me?.id ?? kept.get("user") }));

// -- what a press does ------------------------------------------------------------------------

const context = {
  store,
  names: () => ({ ...store.names(), open: openChannel, command: (name) => composer?.begin(name) }),
  viewPicture: (file, files) => viewer.open(file, files),
  openChannel,
  jump(id) {
    const view = views.get(id);
    if (!view) { toast("That message is further up; load older messages first."); return; }
    view.element.scrollIntoView({ block: "center", behavior: "smooth" });
    view.element.classList.add("flash");
    setTimeout(() => view.element.classList.remove("flash"), 1600);
  },
  async press(message, component, values) {
    if (recorded) return toast("This is a recording; its buttons do nothing.");
    const held = waiting.get(message.id) ?? new Set();
    if (held.size) return;
    waiting.set(message.id, held.add(component.custom_id));
    failures.delete(message.id);
    drawMessage(message.id);
    try {
      const answer = await socket.ask("click", { message: message.id, component: component.custom_id, values });
      offerModal(answer, message.id);
    } catch (problem) {
      const words = /did not respond/.test(problem.message) ? "This interaction failed" : problem.message;
      failures.set(message.id, words);
      setTimeout(() => { if (failures.get(message.id) === words) { failures.delete(message.id); drawMessage(message.id); } }, 8000);
    } finally {
      waiting.delete(message.id);
      drawMessage(message.id);
    }
  },
  async react(message, emoji, add) {
    if (recorded) return;
    await attempt("react", { message: message.id, emoji: emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name ?? emoji, add });
  },
  pickReaction(message, anchor) {
    pickReaction(anchor, (emoji) => context.react(message, { name: emoji }, true));
  },
  reply: (message) => composer?.setReply(message),
  async dismiss(message) {
    if (message.local) { locals = locals.filter((one) => one.id !== message.id); drawMessages(); composer?.focus(); return; }
    await attempt("delete", { message: message.id });
    composer?.focus();
  },
  menu(message, at) {
    if (message.local) return;
    const apps = recorded || message.flags & EPHEMERAL ? [] : store.usable(3);
    const mine = message.author.id === store.me.id || message.flags & EPHEMERAL || store.me.roles?.includes("Admin");
    const thread = store.channels.get(message.channel_id)?.type === 0 && !message.thread && !(message.flags & EPHEMERAL);
    menu([
      ...(recorded || message.flags & EPHEMERAL ? [] : [
        { label: "Add reaction", before: icon("react"), run: () => context.pickReaction(message, views.get(message.id)?.tools.querySelector("button") ?? views.get(message.id).element) },
        { label: "Reply", before: icon("reply"), run: () => context.reply(message) },
        thread ? { label: "Open a thread", before: icon("thread"), run: () => startThread(message) } : null,
      ]),
      apps.length ? { heading: "Apps" } : null,
      ...apps.map((command) => ({ label: command.name, before: icon("apps"), run: () => runContext(command, message.id) })),
      "-",
      message.content ? { label: "Copy text", before: icon("copy"), run: () => copy(message.content) } : null,
      { label: "Copy message ID", before: icon("copy"), run: () => copy(message.id) },
      mine && !recorded ? { label: message.flags & EPHEMERAL ? "Dismiss message" : "Delete message", before: icon("trash"), kind: "danger", run: () => attempt("delete", { message: message.id }) } : null,
    ].filter(Boolean), at, "Message");
  },
  userMenu(user, at) {
    const apps = recorded ? [] : store.usable(2);
    menu([
      { heading: `${nameOf(user)}${user.bot ? " (bot)" : ""}` },
      user.bot && !recorded ? { label: "Direct messages", before: icon("at"), run: openDm } : null,
      ...apps.map((command) => ({ label: command.name, before: icon("apps"), run: () => runContext(command, user.id) })),
      { label: "Copy user ID", before: icon("copy"), run: () => copy(user.id) },
    ].filter(Boolean), at, nameOf(user));
  },
};

async function attempt(op, data) {
  try {
    return await socket.ask(op, data);
  } catch (problem) {
    toast(problem.message, "bad");
    return null;
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser did not allow copying.", "bad");
  }
}

async function startThread(message) {
  const thread = await attempt("thread", { channel: message.channel_id, message: message.id, name: plain(message.content, store.names()).slice(0, 60) || "A picture" });
  if (thread) openChannel(thread.id);
}

async function openDm() {
  const channel = await attempt("dm", {});
  if (channel) openChannel(channel.id);
}

async function runContext(command, target) {
  const line = localLine("sending", `Sending ${command.name}…`);
  try {
    offerModal(await socket.ask("context", { channel: store.current, command: command.name, target }));
    dropLocal(line);
  } catch (problem) {
    failLocal(line, problem);
  }
}

function offerModal(answer) {
  if (!answer?.modal) return;
  const id = answer.interaction_id;
  let sent = false;
  openModal(answer.modal, {
    store,
    async submit(values) {
      const files = {};
      for (const [name, value] of Object.entries(values)) {
        if (!Array.isArray(value) || !(value[0] instanceof File)) continue;
        files[name] = await Promise.all(value.map((file) => socket.upload(file)));
        delete values[name];
      }
      await socket.ask("submit", { interaction: id, values, files });
      sent = true;
    },
    closed: () => {
      if (!sent && socket.open) socket.ask("close_modal", { interaction: id }).catch(() => {});
      composer?.focus();
    },
  });
}

function openChannel(id) {
  if (!store.channels.has(id)) { toast("You cannot see that channel."); return; }
  store.open(id);
  sidebar.close();
  if (matchMedia("(hover: hover)").matches) composer?.focus();
}

// -- lines of this page alone -----------------------------------------------------------------

function localLine(kind, content, more = {}) {
  const line = { id: `local-${++serial}`, local: kind, channel_id: store.current, content, timestamp: new Date().toISOString(), edited_timestamp: null, flags: EPHEMERAL, type: 0, author: store.bot, mentions: [], attachments: [], embeds: [], components: [], ...more };
  if (kind === "sending") line.flags = 0;
  locals = [...locals, line];
  drawMessages();
  return line;
}

function dropLocal(line) {
  locals = locals.filter((one) => one !== line);
  drawMessages();
}

function failLocal(line, problem) {
  locals = locals.filter((one) => one !== line);
  localLine("failed", `⚠️ ${problem.message}`);
  announce(problem.message);
}

// -- the list of messages ---------------------------------------------------------------------

const scroller = place("scroller");
const list = place("messages");
let stuck = true; // whether the end of the list is kept in view

function atEnd() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
  stuck = true;
  place("newer").hidden = true;
}

scroller.addEventListener("scroll", () => {
  stuck = atEnd();
  if (stuck) place("newer").hidden = true;
  if (scroller.scrollTop < 120) loadOlder();
}, { passive: true });
// pictures and edits change heights after the fact; whoever reads the end stays there
new ResizeObserver(() => { if (stuck) scroller.scrollTop = scroller.scrollHeight; }).observe(list);
new ResizeObserver(() => { if (stuck) scroller.scrollTop = scroller.scrollHeight; }).observe(scroller);

let loading = false;
async function loadOlder() {
  const channel = store.current;
  if (recorded || loading || !channel || store.complete.has(channel) || !store.list(channel).length) return;
  loading = true;
  try {
    const answer = await socket.ask("history", { channel, before: store.list(channel)[0].id });
    const before = scroller.scrollHeight;
    store.prepend(channel, answer.messages, answer.complete);
    scroller.scrollTop += scroller.scrollHeight - before;
  } catch { /* the next scroll tries again */ } finally {
    loading = false;
  }
}

function drawMessages() {
  const messages = [...store.list(), ...locals.filter((line) => line.channel_id === store.current)];
  const nodes = [];
  const shown = new Set();
  let previous = null;
  for (const message of messages) {
    const day = new Date(message.timestamp).toDateString();
    if (previous && new Date(previous.timestamp).toDateString() !== day) {
      const key = `day-${day}`;
      shown.add(key);
      if (!views.has(key)) views.set(key, { element: h("li.day", { role: "separator" }, h("span", {}, new Date(message.timestamp).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" }))) });
      nodes.push(views.get(key).element);
      previous = null;
    }
    const framed = message.type === 19 || message.type === 20 || message.type === 23;
    const grouped = Boolean(previous) && !framed && previous.author.id === message.author.id && Boolean(previous.flags & EPHEMERAL) === Boolean(message.flags & EPHEMERAL)
      && new Date(message.timestamp) - new Date(previous.timestamp) < GROUP_WITHIN;
    shown.add(message.id);
    if (!views.has(message.id)) views.set(message.id, new MessageView(context));
    nodes.push(views.get(message.id).update(message, { grouped, waiting: waiting.get(message.id), failed: failures.get(message.id) }).element);
    previous = message;
  }
  for (const id of [...views.keys()]) if (!shown.has(id)) views.delete(id);
  const wasStuck = stuck;
  arrange(list, nodes);
  beginning.draw(store.complete.has(store.current));
  if (wasStuck) toEnd();
}

function drawMessage(id) {
  const view = views.get(id);
  const message = store.find(id);
  if (!view || !message || message.channel_id !== store.current) return;
  const grouped = view.element.classList.contains("grouped");
  view.update(message, { grouped, waiting: waiting.get(id), failed: failures.get(id) });
  if (stuck) toEnd();
}

function hear(message, fresh) {
  if (message.channel_id !== store.current || message.author.id === store.me?.id) return;
  const parts = [plain(message.content, store.names()), message.attachments?.length ? `${message.attachments.length} picture${message.attachments.length === 1 ? "" : "s"}` : "", counted(message.components)].filter(Boolean);
  // progress edits would chatter; the beginning and messages with buttons are enough
  if (fresh) announce(`${nameOf(message.author)}: ${message.flags & LOADING ? "is thinking" : parts.join(", ").slice(0, 300)}`);
}

// a roving focus: arrows walk through the messages once one of them has the keyboard
list.addEventListener("keydown", (event) => {
  if (!event.target.classList.contains("message")) {
    if (event.key === "Escape") { event.target.closest(".message")?.focus(); event.preventDefault(); }
    return;
  }
  const all = [...list.querySelectorAll(".message")];
  const at = all.indexOf(event.target);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (event.key === "Escape") { composer?.focus(); event.preventDefault(); }
  else if (event.key === "Enter" && event.target === document.activeElement) event.target.querySelector(".components button, .picture, a, button.reaction, .dismiss")?.focus();
  else if (to !== undefined && all[to]) { event.preventDefault(); all[to].focus(); all[to].scrollIntoView({ block: "nearest" }); }
});
list.addEventListener("focusin", (event) => {
  const message = event.target.closest(".message");
  for (const node of list.querySelectorAll('.message[tabindex="0"]')) if (node !== message) node.tabIndex = -1;
  if (message) message.tabIndex = 0;
});

// -- the parts around it ----------------------------------------------------------------------

const traffic = new Traffic(place("traffic"), { opened: (on) => {
  kept.set("traffic", on ? "1" : "");
  top.draw();
  if (on) traffic.clear();
  if (socket.open) socket.ask("watch", { on }).catch(() => {});
} });

const sidebar = new Sidebar(place("sidebar"), store, { openChannel, openDm, recorded: Boolean(recorded), switchUser });
const top = new Top(place("top"), store, { sidebar: () => sidebar.toggle(), traffic: () => traffic.toggle(), trafficShown: () => !place("traffic").hidden, kept, recorded: Boolean(recorded) });
const beginning = new Beginning(place("beginning"), store, {
  prompt(text) {
    if (recorded || !composer) return;
    const imagine = store.usable().find((command) => command.name === "imagine");
    if (!imagine) { toast(store.bot?.online ? "/imagine is not offered in this channel." : "The bot is not connected yet; try again in a moment.", "bad"); return; }
    composer.drawInstead(text);
    composer.submit();
  },
  fill: (text) => composer?.drawInstead(text),
});
const composer = recorded ? null : new Composer(place("composer-place"), store, {
  async slash(entry, options, files) {
    if (entry.name === "imagine") kept.set("drew", "1");
    stuck = true;
    const line = localLine("sending", "Sending command…");
    try {
      const handles = {};
      for (const [name, file] of Object.entries(files)) handles[name] = await socket.upload(file);
      offerModal(await socket.ask("slash", { channel: line.channel_id, command: entry.name, options, files: handles }));
      dropLocal(line);
    } catch (problem) {
      failLocal(line, problem);
    }
  },
  async say(content, files, reply) {
    stuck = true;
    const channel = store.current;
    const handles = await Promise.all(files.map((file) => socket.upload(file)));
    await socket.ask("say", { channel, content, files: handles, reply_to: reply });
    const imagine = store.usable().some((command) => command.name === "imagine");
    if (content && !reply && imagine && !kept.get("drew") && !locals.some((line) => line.hint)) {
      const line = localLine("hint", "That was a plain message, so I leave it alone. I draw when you use", { hint: true, actions: [{ label: `/imagine ${content.slice(0, 60)}`, run: () => { dropLocal(line); composer.drawInstead(content); } }] });
    }
  },
  suggest: (entry, options, focused) => socket.ask("autocomplete", { channel: store.current, command: entry.name, options, focused }),

});

function switchUser(id) {
  kept.set("user", id);
  locals = [];
  waiting.clear();
  failures.clear();
  store.me = { ...store.me, id };
  socket.ask("hello", { user: id }).catch((problem) => toast(problem.message, "bad"));
  announce(`You are now ${nameOf(store.people.get(id))}`);
}

place("newer").addEventListener("click", toEnd);
place("scrim").addEventListener("click", () => sidebar.close());

document.addEventListener("keydown", (event) => {
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    sidebar.step(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Escape" && sidebar.isOpen) sidebar.close();
  else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && (document.activeElement === document.body || document.activeElement === scroller) && !document.querySelector("dialog[open]")) composer?.focus();
});
document.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); document.body.classList.add("dragging"); } });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dragging");
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  composer?.addFiles(event.dataTransfer.files);
});

// -- what happens in the world ----------------------------------------------------------------

function drawTyping() {
  const now = Date.now();
  const names = [];
  for (const [key, until] of store.typing) {
    const [channel, user] = key.split(":");
    if (until < now) store.typing.delete(key);
    else if (channel === store.current && user !== store.me?.id) names.push(nameOf(store.people.get(user) ?? store.bot));
  }
  const words = names.length ? `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…` : "";
  if (place("typing").dataset.words === words) return;
  place("typing").dataset.words = words;
  arrange(place("typing"), words ? [h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", {}, ` ${words}`)] : []);
}
setInterval(drawTyping, 1000);

store.addEventListener("world", ({ detail }) => {
  kept.set("channel", store.current ?? "");
  if (detail.switched) stuck = true;
  sidebar.draw();
  top.draw();
  composer?.place();
  drawMessages();
  if (detail.switched) toEnd();
  drawTyping();
  document.title = `${store.channels.get(store.current)?.type === 1 ? "@" : "#"}${top.title()} · Limner`;
});
store.addEventListener("message", ({ detail }) => {
  const { message, fresh } = detail;
  if (message.channel_id !== store.current) return;
  if (fresh) {
    const away = !stuck;
    drawMessages();
    if (away && message.author.id !== store.me.id) {
      place("newer").hidden = false;
      place("newer").replaceChildren(icon("down"), " New messages");
    }
  } else drawMessage(message.id);
  hear(message, fresh);
  drawTyping();
});
store.addEventListener("messages", drawMessages);
store.addEventListener("channels", () => { sidebar.draw(); top.draw(); });
store.addEventListener("people", () => { sidebar.draw(); top.draw(); beginning.draw(store.complete.has(store.current)); });
store.addEventListener("commands", () => { composer?.place(); beginning.draw(store.complete.has(store.current)); });
store.addEventListener("typing", drawTyping);

const on = (name, run) => socket.addEventListener(name, ({ detail }) => run(detail));
on("SNAPSHOT", (snapshot) => {
  status("");
  kept.set("user", snapshot.me.id);
  store.me = store.me?.id === snapshot.me.id ? store.me : null;
  store.load(snapshot, kept.get("channel"));
  if (!place("traffic").hidden) { traffic.clear(); socket.ask("watch", { on: true }).catch(() => {}); }
  document.documentElement.dataset.ready = "yes";
});
on("MESSAGE", (message) => store.put(message));
on("MESSAGE_DELETE", ({ channel_id, id }) => store.remove(channel_id, id));
on("CHANNELS", (data) => store.setChannels(data));
on("COMMANDS", (data) => store.setCommands(data));
on("BOT", (data) => store.setBot(data));
on("TYPING", ({ channel_id, user_id }) => store.startTyping(channel_id, user_id));
on("TRAFFIC", (lines) => { for (const line of lines) traffic.add(line); });
on("closed", () => {
  waiting.clear();
  if (store.me) status("The demo is not answering. Waiting for it to come back…");
});

function status(words) {
  place("status").hidden = !words;
  place("status").textContent = words;
}

if (recorded) {
  document.documentElement.classList.add("recorded");
  place("composer-place").append(h("p.recorded-note", {}, "A recording of the demo. To draw something yourself, run ", h("code", {}, "limner demo"), "."));
  store.load(recorded, recorded.open);
  document.documentElement.dataset.ready = "yes";
} else {
  if (kept.get("traffic") && innerWidth > 900) traffic.toggle(true);
  socket.connect();
  if (matchMedia("(hover: hover)").matches) composer.focus();
}
