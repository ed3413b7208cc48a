// Puts the page together: the connection, the list of messages, and what each press does.

import { Composer } from "./composer.js";
import { announce, arrange, h, toast } from "./dom.js";
import { icon, nameOf } from "./icons.js";
import { MessageList } from "./list.js";
import { plain } from "./markdown.js";
import { menu, pickReaction } from "./menu.js";
import { contents } from "./message.js";
import { openModal } from "./modal.js";
import { Beginning, Sidebar, Top } from "./frame.js";
import { Socket } from "./socket.js";
import { EPHEMERAL, LOADING, Store } from "./store.js";
import { initTheme } from "./theme.js";
import { Traffic } from "./traffic.js";
import { Viewer } from "./viewer.js";

const place = (id) => document.getElementById(id);
const recorded = place("record") ? JSON.parse(place("record").textContent) : null;

// beside another: the second of two people on one page, who keeps nothing of the first
const beside = new URLSearchParams(location.search).get("as");
const prefix = beside ? "limner.beside." : "limner.";

const kept = {
  get: (name) => {
    try {
      return localStorage.getItem(`${name === "theme" ? "limner." : prefix}${name}`);
    } catch {
      return null;
    }
  },
  set: (name, value) => {
    try {
      localStorage.setItem(`${prefix}${name}`, value);
    } catch {
      /* a private window keeps nothing */
    }
  },
};

initTheme(kept);
const store = new Store();
const viewer = new Viewer();
let serial = 0;

let actor = beside ?? kept.get("user"); // who this tab acts as; two tabs may be two people
const socket = new Socket(() => ({ user: actor }));

// -- what a press does ------------------------------------------------------------------------

const context = {
  store,
  names: () => ({ ...store.names(), open: openChannel, command: (name) => composer?.begin(name) }),
  viewPicture: (file, files) => viewer.open(file, files),
  openChannel,
  jump(id) {
    if (!list.jump(id)) toast("That message is further up.");
  },
  async press(message, component, values) {
    if (recorded) return toast("This is a recording; its buttons do nothing.");
    const { waiting, failures } = list;
    if (waiting.has(message.id)) return;
    waiting.set(message.id, new Set([component.custom_id]));
    failures.delete(message.id);
    list.drawOne(message.id);
    try {
      const answer = await socket.ask("click", { message: message.id, component: component.custom_id, values });
      offerModal(answer, () => list.button(message.id, component.custom_id));
    } catch (problem) {
      const words = /did not respond/.test(problem.message) ? "This interaction failed" : problem.message;
      failures.set(message.id, words);
      setTimeout(() => {
        if (failures.get(message.id) === words) {
          failures.delete(message.id);
          list.drawOne(message.id);
        }
      }, 8000);
    } finally {
      waiting.delete(message.id);
      list.drawOne(message.id);
    }
  },
  async react(message, emoji, add) {
    if (recorded) return;
    await attempt("react", {
      message: message.id,
      emoji: emoji.id ? `${emoji.name}:${emoji.id}` : (emoji.name ?? emoji),
      add,
    });
  },
  pickReaction(message, anchor) {
    pickReaction(anchor, (emoji) => context.react(message, { name: emoji }, true));
  },
  reply: (message) => composer?.setReply(message),
  async dismiss(message) {
    if (message.local) dropLocal(message);
    else await attempt("delete", { message: message.id });
    composer?.focus();
  },
  menu(message, at) {
    if (message.local) return;
    const apps = recorded || message.flags & EPHEMERAL ? [] : store.usable(3);
    const mine = message.author.id === store.me.id || message.flags & EPHEMERAL || store.me.roles?.includes("Admin");
    const thread =
      store.channels.get(message.channel_id)?.type === 0 && !message.thread && !(message.flags & EPHEMERAL);
    menu(
      [
        ...(recorded || message.flags & EPHEMERAL
          ? []
          : [
              {
                label: "Add reaction",
                before: icon("react"),
                run: () => context.pickReaction(message, list.views.get(message.id).tools.querySelector("button")),
              },
              { label: "Reply", before: icon("reply"), run: () => context.reply(message) },
              thread ? { label: "Open a thread", before: icon("thread"), run: () => startThread(message) } : null,
            ]),
        apps.length ? { heading: "Apps" } : null,
        ...apps.map((command) => ({
          label: command.name,
          before: icon("apps"),
          run: () => runContext(command, message.id),
        })),
        "-",
        message.content ? { label: "Copy text", before: icon("copy"), run: () => copy(message.content) } : null,
        { label: "Copy message ID", before: icon("copy"), run: () => copy(message.id) },
        mine && !recorded
          ? {
              label: message.flags & EPHEMERAL ? "Dismiss message" : "Delete message",
              before: icon("trash"),
              kind: "danger",
              run: () => attempt("delete", { message: message.id }),
            }
          : null,
      ].filter(Boolean),
      at,
      "Message",
    );
  },
  userMenu(user, at) {
    const apps = recorded ? [] : store.usable(2);
    menu(
      [
        { heading: `${nameOf(user)}${user.bot ? " (bot)" : ""}` },
        user.bot && !recorded ? { label: "Direct messages", before: icon("at"), run: openDm } : null,
        ...apps.map((command) => ({
          label: command.name,
          before: icon("apps"),
          run: () => runContext(command, user.id),
        })),
        { label: "Copy user ID", before: icon("copy"), run: () => copy(user.id) },
      ].filter(Boolean),
      at,
      nameOf(user),
    );
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
  const thread = await attempt("thread", {
    channel: message.channel_id,
    message: message.id,
    name: plain(message.content, store.names()).slice(0, 60) || "A picture",
  });
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

/** Open the dialog an answer brought. `opener`: finds what the keyboard goes back to where it is left unsent. */
function offerModal(answer, opener) {
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
      ((!sent && opener?.()) || composer)?.focus();
    },
  });
}

function openChannel(id) {
  if (!store.channels.has(id)) {
    toast("You cannot see that channel.");
    return;
  }
  store.open(id);
  sidebar.close();
  if (matchMedia("(hover: hover)").matches) composer?.focus();
}

// -- lines of this page alone -----------------------------------------------------------------

function localLine(kind, content, more = {}) {
  const line = {
    id: `local-${++serial}`,
    local: kind,
    channel_id: store.current,
    content,
    timestamp: new Date().toISOString(),
    edited_timestamp: null,
    flags: EPHEMERAL,
    type: 0,
    author: store.bot,
    mentions: [],
    attachments: [],
    embeds: [],
    components: [],
    ...more,
  };
  if (kind === "sending") line.flags = 0;
  list.locals = [...list.locals, line];
  list.draw();
  return line;
}

function dropLocal(line) {
  list.locals = list.locals.filter((one) => one.id !== line.id);
  list.draw();
}

function failLocal(line, problem) {
  list.locals = list.locals.filter((one) => one !== line);
  localLine("failed", `⚠️ ${problem.message}`);
  announce(problem.message);
}

// -- the list of messages ---------------------------------------------------------------------

const list = new MessageList({ scroller: place("scroller"), list: place("messages"), newer: place("newer") }, store, {
  ...context,
  older: (channel, before) => (recorded ? null : socket.ask("history", { channel, before })),
  composer: () => composer?.focus(),
  beginning: (complete) => beginning.draw(complete),
});

function hear(message, fresh) {
  if (message.channel_id !== store.current || message.author.id === store.me?.id) return;
  const parts = [plain(message.content, store.names()), contents(message)].filter(Boolean);
  // progress edits would chatter; the beginning and messages with buttons are enough
  if (fresh)
    announce(
      `${nameOf(message.author)}: ${message.flags & LOADING ? "is thinking" : parts.join(", ").slice(0, 300)}`,
    );
}

// -- the parts around it ----------------------------------------------------------------------

const traffic = new Traffic(place("traffic"), {
  opened: (on) => {
    kept.set("traffic", on ? "1" : "");
    top.draw();
    if (on) traffic.clear();
    if (socket.open) socket.ask("watch", { on }).catch(() => {});
  },
});

const sidebar = new Sidebar(place("sidebar"), store, {
  openChannel,
  openDm,
  recorded: Boolean(recorded),
  switchUser,
  speak: (locale) => socket.ask("locale", { locale }).catch((problem) => toast(problem.message, "bad")),
});
/** Puts a second person beside the first, on the same page, or takes them away again. */
function two() {
  const there = document.getElementById("beside");
  document.body.classList.toggle("two", !there);
  if (there) there.remove();
  else {
    const other = [...store.people.values()].find((user) => user.id !== store.me.id);
    document.body.append(h("iframe", { id: "beside", src: `./?as=${other.id}`, title: `The same server as ${nameOf(other)}` }));
    announce(`${nameOf(other)} is beside you.`);
  }
  top.draw();
}

const top = new Top(place("top"), store, {
  two: beside || recorded ? null : two,
  sidebar: () => sidebar.toggle(),
  traffic: () => traffic.toggle(),
  trafficShown: () => !place("traffic").hidden,
  kept,
  recorded: Boolean(recorded),
});
const beginning = new Beginning(place("beginning"), store, {
  prompt(text) {
    if (recorded || !composer) return;
    const imagine = store.usable().find((command) => command.name === "imagine");
    if (!imagine) {
      toast(
        store.bot?.online
          ? "/imagine is not offered in this channel."
          : "The bot is not connected yet; try again in a moment.",
        "bad",
      );
      return;
    }
    composer.drawInstead(text);
    composer.submit();
  },
  fill: (text) => composer?.drawInstead(text),
  command: (name) => composer?.begin(name),
});
const composer = recorded
  ? null
  : new Composer(place("composer-place"), store, {
      async slash(entry, options, files) {
        if (entry.name === "imagine") kept.set("drew", "1");
        list.stuck = true;
        const line = localLine("sending", "Sending command…");
        try {
          const handles = {};
          for (const [name, file] of Object.entries(files)) handles[name] = await socket.upload(file);
          offerModal(
            await socket.ask("slash", { channel: line.channel_id, command: entry.name, options, files: handles }),
          );
          dropLocal(line);
        } catch (problem) {
          failLocal(line, problem);
        }
      },
      async say(content, files, reply) {
        list.stuck = true;
        const channel = store.current;
        const handles = await Promise.all(files.map((file) => socket.upload(file)));
        await socket.ask("say", { channel, content, files: handles, reply_to: reply });
        const imagine = store.usable().some((command) => command.name === "imagine");
        const unknown = /^\/\S/.test(content);
        if (unknown) {
          for (const line of list.locals.filter((one) => one.hint)) dropLocal(line);
          localLine("hint", `There is no command ${content.slice(0, 60)}. Type / to see them all.`, { hint: true, actions: [] });
        } else if (content && !reply && imagine && !kept.get("drew") && !list.locals.some((line) => line.hint)) {
          const line = localLine("hint", "That was a plain message, so I leave it alone. I draw when you use", {
            hint: true,
            actions: [
              {
                label: `/imagine ${content.slice(0, 60)}`,
                run: () => {
                  dropLocal(line);
                  composer.drawInstead(content);
                },
              },
            ],
          });
        }
      },
      suggest: (entry, options, focused) =>
        socket.ask("autocomplete", { channel: store.current, command: entry.name, options, focused }),
    });

function switchUser(id) {
  kept.set("user", id);
  list.locals = [];
  list.waiting.clear();
  list.failures.clear();
  actor = id;
  socket.ask("hello", { user: id }).catch((problem) => toast(problem.message, "bad"));
  announce(`You are now ${nameOf(store.people.get(id))}`);
}

place("scrim").addEventListener("click", () => sidebar.close());

document.addEventListener("keydown", (event) => {
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    sidebar.step(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Escape" && sidebar.isOpen) sidebar.close();
  else if (
    event.key.length === 1 &&
    !event.ctrlKey &&
    !event.metaKey &&
    !event.altKey &&
    (document.activeElement === document.body || document.activeElement === place("scroller")) &&
    !document.querySelector("dialog[open]")
  )
    composer?.focus();
});
document.addEventListener("dragover", (event) => {
  if (event.dataTransfer?.types.includes("Files")) {
    event.preventDefault();
    document.body.classList.add("dragging");
  }
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
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
    else if (channel === store.current && user !== store.me?.id)
      names.push(nameOf(store.people.get(user) ?? store.bot));
  }
  const words = names.length ? `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…` : "";
  if (place("typing").dataset.words === words) return;
  place("typing").dataset.words = words;
  arrange(
    place("typing"),
    words ? [h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", {}, ` ${words}`)] : [],
  );
}
setInterval(drawTyping, 1000);

store.addEventListener("world", ({ detail }) => {
  kept.set("channel", store.current ?? "");
  if (detail.switched) list.stuck = true;
  sidebar.draw();
  top.draw();
  composer?.place();
  list.draw();
  if (detail.switched) list.toEnd();
  drawTyping();
  document.title = `${store.channels.get(store.current)?.type === 1 ? "@" : "#"}${top.title()} · Limner`;
});
store.addEventListener("message", ({ detail }) => {
  const { message, fresh } = detail;
  if (message.channel_id !== store.current) return;
  if (fresh) {
    const away = !list.stuck;
    list.draw();
    if (away && message.author.id !== store.me.id) list.tellNewer();
  } else list.drawOne(message.id);
  hear(message, fresh);
  drawTyping();
});
store.addEventListener("messages", () => list.draw());
store.addEventListener("channels", () => {
  sidebar.draw();
  top.draw();
});
store.addEventListener("people", () => {
  sidebar.draw();
  top.draw();
  beginning.draw(store.complete.has(store.current));
});
store.addEventListener("commands", () => {
  composer?.place();
  beginning.draw(store.complete.has(store.current));
});
store.addEventListener("typing", drawTyping);

const on = (name, run) => socket.addEventListener(name, ({ detail }) => run(detail));
on("SNAPSHOT", (snapshot) => {
  status("");
  kept.set("user", snapshot.me.id);
  actor = snapshot.me.id;
  store.load(snapshot, kept.get("channel"));
  if (!place("traffic").hidden) {
    traffic.clear();
    socket.ask("watch", { on: true }).catch(() => {});
  }
  document.documentElement.dataset.ready = "yes";
});
on("MESSAGE", (message) => store.put(message));
on("MESSAGE_DELETE", ({ channel_id, id }) => store.remove(channel_id, id));
on("CHANNELS", (data) => store.setChannels(data));
on("COMMANDS", (data) => store.setCommands(data));
on("BOT", (data) => store.setBot(data));
on("TYPING", ({ channel_id, user_id }) => store.startTyping(channel_id, user_id));
on("TRAFFIC", (lines) => {
  for (const line of lines) traffic.add(line);
});
on("closed", () => {
  list.waiting.clear();
  if (store.me) status("The demo is not answering. Waiting for it to come back…");
});

function status(words) {
  place("status").hidden = !words;
  place("status").textContent = words;
}

if (recorded) {
  document.documentElement.classList.add("recorded");
  place("composer-place").append(
    h(
      "p.recorded-note",
      {},
      "A recording of the demo. To draw something yourself, run ",
      h("code", {}, "limner demo"),
      ".",
    ),
  );
  store.load(recorded, recorded.open);
  document.documentElement.dataset.ready = "yes";
} else {
  if (kept.get("traffic") && innerWidth > 900) traffic.toggle(true);
  socket.connect();
  if (matchMedia("(hover: hover)").matches) composer.focus();
}
