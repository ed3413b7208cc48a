// Draws one message and keeps it up to date part by part, so that a live edit touches only what changed.

import { arrange, h } from "./dom.js";
import { colour, components } from "./components.js";
import { emojiNode, onlyEmoji } from "./emoji.js";
import { avatar, icon, nameOf } from "./icons.js";
import { inlineMarkdown, markdown, plain } from "./markdown.js";
import { Attachments, Picture, local } from "./media.js";
import { COMPONENTS_V2, EPHEMERAL, LOADING } from "./store.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "2-digit", year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

// what stands above an answer, by the type of its message: a symbol, and a name where none is known
const USED = { 20: ["slash", "a command"], 23: ["apps", "an app"] };

/** "Today at 14:03", "Yesterday at 09:10", "02/11/2026 18:00". */
export function when(iso) {
  const date = new Date(iso);
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.round((midnight - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return `Today at ${CLOCK.format(date)}`;
  if (days === 1) return `Yesterday at ${CLOCK.format(date)}`;
  return `${DAY.format(date)} ${CLOCK.format(date)}`;
}

/** One message on the page. `context`: the hands and eyes that main.js lends (store, press, react, dismiss, …). */
export class MessageView {
  #shown = new Map();

  constructor(context) {
    this.context = context;
    this.above = h("div.above");
    this.side = h("div.side");
    this.head = h("header.head");
    this.content = h("div.content");
    this.attachments = new Attachments((file, files) => context.viewPicture(file, files, this.message));
    this.embeds = h("div.embeds");
    this.components = h("div.components");
    this.failure = h("div.failure", { role: "alert" });
    this.reactions = h("div.reactions");
    this.thread = h("div.thread-link");
    this.foot = h("footer.foot");
    this.tools = h("div.tools", { role: "toolbar", "aria-label": "Message actions" });
    this.main = h(
      "div.main",
      {},
      this.head,
      this.content,
      this.attachments.element,
      this.embeds,
      this.components,
      this.failure,
      this.reactions,
      this.thread,
      this.foot,
    );
    this.element = h(
      "li.message",
      { tabIndex: -1, oncontextmenu: (event) => this.#menu(event) },
      this.above,
      this.side,
      this.main,
      this.tools,
    );
  }

  #part(name, data, draw) {
    const key = JSON.stringify(data);
    if (this.#shown.get(name) === key) return;
    this.#shown.set(name, key);
    draw();
  }

  #menu(event) {
    if (event.target.closest("a, img, input, textarea") || String(getSelection())) return;
    event.preventDefault();
    this.context.menu(this.message, { x: event.clientX, y: event.clientY });
  }

  /** Shows `message`; `grouped` hides avatar and name because the message above has them. */
  update(message, { grouped = false, waiting = new Set(), failed = "" } = {}) {
    this.message = message;
    const { store } = this.context;
    const names = this.context.names();
    const ephemeral = Boolean(message.flags & EPHEMERAL);
    const loading = Boolean(message.flags & LOADING);
    // with the V2 layout Discord shows a file only where the layout names it
    // what an embed shows is not shown a second time
    const shown = new Set((message.embeds ?? []).flatMap((embed) => [embed.thumbnail?.url, embed.image?.url]).map(bare));
    const loose = message.flags & COMPONENTS_V2 ? [] : (message.attachments ?? []).filter((file) => !shown.has(bare(file.url)));
    const mine = message.mentions?.some((user) => user.id === store.me?.id) || message.mention_everyone;
    this.element.dataset.id = message.id;
    this.element.id = `m-${message.id}`;
    this.element.classList.toggle("grouped", grouped);
    this.element.classList.toggle("ephemeral", ephemeral);
    this.element.classList.toggle("mentioned", Boolean(mine) && !ephemeral);
    this.element.classList.toggle("sending", Boolean(message.local === "sending"));

    const author =
      store.people.get(message.author.id) ??
      (store.bot?.id === message.author.id ? { ...message.author, ...store.bot } : message.author);
    const commanded = message.interaction_metadata ?? message.interaction;
    this.#part(
      "above",
      [
        message.interaction?.name,
        commanded?.user?.id,
        commanded?.type,
        message.referenced_message?.id,
        message.referenced_message?.content,
        message.referenced_message?.attachments?.length,
        message.type,
      ],
      () => this.#above(message, commanded),
    );
    this.#part("side", [author.id, grouped, message.timestamp], () => {
      this.side.replaceChildren(
        grouped
          ? h("time.hover-time", { datetime: message.timestamp }, CLOCK.format(new Date(message.timestamp)))
          : h(
              "button.avatar-button",
              {
                type: "button",
                tabIndex: -1,
                "aria-hidden": "true",
                onclick: (event) => this.context.userMenu(author, { x: event.clientX, y: event.clientY }),
              },
              avatar(author, 40),
            ),
      );
    });
    this.#part("head", [author.id, nameOf(author), author.roles, grouped, message.timestamp], () => {
      this.head.replaceChildren(
        h(
          "button.name",
          {
            type: "button",
            class: author.bot ? "bot" : author.roles?.includes("Admin") ? "admin" : "",
            onclick: (event) => this.context.userMenu(author, { x: event.clientX, y: event.clientY }),
          },
          nameOf(author),
        ),
        author.bot ? h("span.tag", { title: "A bot" }, "BOT") : "",
        h(
          "time.when",
          { datetime: message.timestamp, title: FULL.format(new Date(message.timestamp)) },
          when(message.timestamp),
        ),
      );
    });
    this.#part(
      "content",
      [message.content, message.edited_timestamp, loading, message.local, message.type, names.version],
      () => this.#content(message, names, loading),
    );
    this.#part(
      "attachments",
      loose.map((file) => [file.id, file.description, file.filename]),
      () => this.attachments.show(loose),
    );
    this.attachments.element.hidden = !loose.length;
    this.#part("embeds", strip(message.embeds ?? []), () =>
      this.embeds.replaceChildren(
        ...(message.flags & 4 ? [] : (message.embeds ?? [])).map((one) => this.#embed(one, names)),
      ),
    );
    this.#part("components", [strip(message.components ?? []), [...waiting], names.version], () =>
      this.#components(message, waiting, names),
    );
    this.#part("failure", failed, () =>
      this.failure.replaceChildren(...(failed ? [icon("warn"), ` ${failed}`] : [])),
    );
    this.#part("reactions", message.reactions ?? [], () => this.#reactions(message));
    this.#part("thread", [message.thread?.id, message.thread?.name, message.thread?.message_count], () =>
      this.#thread(message),
    );
    this.#part("foot", [ephemeral, message.local], () => this.#foot(message, ephemeral));
    this.#part("tools", [ephemeral, message.local, message.author.id, store.me?.id], () =>
      this.#tools(message, ephemeral),
    );
    this.#part(
      "label",
      [
        nameOf(author),
        message.content,
        message.attachments?.length,
        message.embeds?.length,
        message.components?.length,
        loading,
      ],
      () => {
        const words = loading ? "is thinking" : plain(message.content, names).slice(0, 300);
        this.element.setAttribute(
          "aria-label",
          [nameOf(author) + (author.bot ? ", bot" : ""), words, contents(message), when(message.timestamp)]
            .filter(Boolean)
            .join(", "),
        );
      },
    );
    return this;
  }

  #above(message, commanded) {
    const { store } = this.context;
    const answered = message.type === 19 || (message.referenced_message !== undefined && message.message_reference);
    if (answered) {
      const to = message.referenced_message;
      this.above.replaceChildren(
        to
          ? h(
              "button.reply",
              { type: "button", onclick: () => this.context.jump(to.id) },
              avatar(store.people.get(to.author.id) ?? to.author, 16),
              h("b", {}, nameOf(store.people.get(to.author.id) ?? to.author)),
              " ",
              h(
                "span.reply-text",
                {},
                plain(to.content, this.context.names()).slice(0, 120) ||
                  (to.attachments?.length ? "Click to see attachment" : "Click to see message"),
              ),
            )
          : h("span.reply", {}, h("i", {}, "Original message was deleted")),
      );
    } else if (commanded?.user && USED[message.type]) {
      const user = store.people.get(commanded.user.id) ?? commanded.user;
      const [symbol, nameless] = USED[message.type];
      this.above.replaceChildren(
        h(
          "span.reply",
          {},
          avatar(user, 16),
          h("b", {}, nameOf(user)),
          " used ",
          h("span.used", {}, icon(symbol), message.interaction?.name ?? commanded.name ?? nameless),
        ),
      );
    } else this.above.replaceChildren();
    this.above.hidden = !this.above.childNodes.length;
  }

  #content(message, names, loading) {
    if (loading && !message.content) {
      this.content.replaceChildren(
        h(
          "span.thinking",
          {},
          h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")),
          ` ${nameOf(message.author)} is thinking…`,
        ),
      );
      return;
    }
    if (message.local === "sending") {
      this.content.replaceChildren(
        h(
          "span.thinking",
          {},
          h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")),
          ` ${message.content}`,
        ),
      );
      return;
    }
    this.content.classList.toggle("jumbo", onlyEmoji(message.content ?? ""));
    const nodes = message.content ? markdown(message.content, { ...names, everyone: message.mention_everyone }) : [];
    if (message.edited_timestamp)
      nodes.push(
        h("span.edited", { title: `Edited ${FULL.format(new Date(message.edited_timestamp))}` }, "(edited)"),
      );
    this.content.replaceChildren(...nodes);
    this.content.hidden = !nodes.length;
    for (const act of message.actions ?? [])
      this.content.append(" ", h("button.inline-action", { type: "button", onclick: act.run }, act.label));
  }

  #embed(embed, names) {
    const image = (item, limits) => {
      const url = local(item?.url ?? item?.proxy_url);
      if (!url) return null;
      const picture = new Picture((file) => this.context.viewPicture(file, [file], this.message));
      picture.show({ ...item, id: item.url, url: item.url, filename: "embedded picture" }, limits);
      return picture.element;
    };
    const fields = embed.fields ?? [];
    return h(
      "article.embed",
      { style: embed.color ? { "--edge": colour(embed.color) } : {} },
      h(
        "div.embed-body",
        {},
        embed.author ? h("div.embed-author", {}, embed.author.name) : null,
        embed.title
          ? h(
              "div.embed-title",
              {},
              embed.url
                ? h(
                    "a",
                    {
                      href: /^https?:/.test(embed.url) ? embed.url : null,
                      target: "_blank",
                      rel: "noopener noreferrer",
                    },
                    inlineMarkdown(embed.title, names),
                  )
                : inlineMarkdown(embed.title, names),
            )
          : null,
        embed.description ? h("div.embed-description", {}, markdown(embed.description, names)) : null,
        fields.length
          ? h(
              "dl.embed-fields",
              {},
              fields.map((field) =>
                h(
                  "div",
                  { class: field.inline ? "inline" : "" },
                  h("dt", {}, inlineMarkdown(field.name, names)),
                  h("dd", {}, markdown(field.value, names)),
                ),
              ),
            )
          : null,
        embed.image ? image(embed.image, { wide: 400, tall: 400 }) : null,
        embed.footer || embed.timestamp
          ? h(
              "div.embed-footer",
              {},
              [embed.footer?.text, embed.timestamp ? when(embed.timestamp) : null].filter(Boolean).join(" • "),
            )
          : null,
      ),
      embed.thumbnail ? h("div.embed-thumbnail", {}, image(embed.thumbnail, { wide: 80, tall: 80 })) : null,
    );
  }

  #components(message, waiting, names) {
    const held = document.activeElement?.closest?.("[data-custom]");
    const focused = held && this.components.contains(held) ? held.dataset.custom : null;
    const nodes = components(message.components, {
      message,
      waiting,
      names,
      store: this.context.store,
      press: (component, values) => this.context.press(this.message, component, values),
      open: (file, files) => this.context.viewPicture(file, files, this.message),
    });
    arrange(this.components, nodes);
    this.components.hidden = !nodes.length;
    // a redraw must not steal the keyboard from the button that was pressed
    if (focused)
      [...this.components.querySelectorAll("[data-custom]")]
        .find((node) => node.dataset.custom === focused)
        ?.focus({ preventScroll: true });
  }

  #reactions(message) {
    const list = message.reactions ?? [];
    this.reactions.replaceChildren(
      ...list.map((one) =>
        h(
          "button.reaction",
          {
            type: "button",
            "aria-pressed": String(Boolean(one.me)),
            "aria-label": `${one.emoji.name}, ${one.count} reaction${one.count === 1 ? "" : "s"}, press to ${one.me ? "take yours off" : "add yours"}`,
            onclick: () => this.context.react(this.message, one.emoji, !one.me),
          },
          emojiNode(one.emoji),
          h("span", {}, one.count),
        ),
      ),
      ...(list.length
        ? [
            h(
              "button.reaction.add",
              {
                type: "button",
                "aria-label": "Add a reaction",
                onclick: (event) => this.context.pickReaction(this.message, event.currentTarget),
              },
              icon("react"),
            ),
          ]
        : []),
    );
    this.reactions.hidden = !list.length;
  }

  #thread(message) {
    const thread = message.thread;
    this.thread.replaceChildren(
      ...(thread
        ? [
            h(
              "button.thread-card",
              { type: "button", onclick: () => this.context.openChannel(thread.id) },
              icon("thread"),
              h("b", {}, thread.name),
              h("span", {}, `${thread.message_count ?? 0} message${thread.message_count === 1 ? "" : "s"} ›`),
            ),
          ]
        : []),
    );
    this.thread.hidden = !thread;
  }

  #foot(message, ephemeral) {
    this.foot.hidden = !ephemeral;
    if (!ephemeral) return;
    this.foot.replaceChildren(
      icon("eye"),
      "Only you can see this • ",
      h("button.dismiss", { type: "button", onclick: () => this.context.dismiss(this.message) }, "Dismiss message"),
    );
  }

  #tools(message, ephemeral) {
    if (message.local) {
      this.tools.replaceChildren();
      this.tools.hidden = true;
      return;
    }
    this.tools.hidden = false;
    const tool = (name, label, run) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick: run }, icon(name));
    this.tools.replaceChildren(
      ...[
        ephemeral
          ? null
          : tool("react", "Add a reaction", (event) => this.context.pickReaction(this.message, event.currentTarget)),
        ephemeral ? null : tool("reply", "Reply", () => this.context.reply(this.message)),
        tool("more", "More: apps, copy", (event) => {
          const box = event.currentTarget.getBoundingClientRect();
          this.context.menu(this.message, { x: box.left, y: box.bottom + 4 });
        }),
      ].filter(Boolean),
    );
  }
}

/** What a message holds besides words, in words. */
export function contents(message) {
  const files = message.attachments?.length ?? 0;
  const embeds = message.embeds?.length ?? 0;
  const some = (count, noun) => (count ? `${count} ${noun}${count === 1 ? "" : "s"}` : "");
  return [some(files, "picture"), some(embeds, "card"), some(buttonsIn(message.components), "button")]
    .filter(Boolean)
    .join(", ");
}

function buttonsIn(nodes) {
  return (nodes ?? []).reduce(
    (sum, node) =>
      sum +
      (node.type === 2 ? 1 : 0) +
      buttonsIn(node.components) +
      (node.accessory ? buttonsIn([node.accessory]) : 0),
    0,
  );
}

/** Signed links change with every event; what they point to does not. */
function strip(value) {
  if (Array.isArray(value)) return value.map(strip);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      (key === "url" || key === "proxy_url") && typeof inner === "string" ? inner.split("?")[0] : strip(inner),
    ]),
  );
}

/** A file's address without what signs it, which differs from place to place. */
const bare = (url) => url?.split("?")[0];
