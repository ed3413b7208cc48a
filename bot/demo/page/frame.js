// The frame around the messages: channel list, people switcher, top bar and the welcome; sends nothing itself.

import { announce, arrange, h } from "./dom.js";
import { avatar, brand, icon, nameOf } from "./icons.js";
import { inlineMarkdown } from "./markdown.js";
import { menu } from "./menu.js";
import { nextTheme, theme } from "./theme.js";
import { bySnowflake } from "./store.js";

/** Languages of a person's Discord, as Discord names them. */
const LANGUAGES = [
  ["en-US", "English"],
  ["es-ES", "Español"],
  ["pt-BR", "Português do Brasil"],
  ["de", "Deutsch"],
  ["fr", "Français"],
  ["ja", "日本語"],
  ["zh-CN", "中文"],
];

/** What a person is in the bot's server. */
export const roleOf = (user) => (user.bot ? "bot" : user.roles?.includes("Admin") ? "server admin" : "member");

/** The list of channels on the left, with the person one acts as at its foot. */
export class Sidebar {
  constructor(root, store, hands) {
    Object.assign(this, { root, store, hands });
    this.isOpen = false;
  }

  toggle(show = !this.isOpen) {
    this.isOpen = show;
    document.body.classList.toggle("sidebar-open", show);
    if (show) this.root.querySelector("[aria-current]")?.focus();
  }

  close() {
    if (this.isOpen) this.toggle(false);
  }

  #order() {
    const { store } = this;
    const all = [...store.channels.values()];
    const groups = store.guilds
      .map((guild) => ({
        title: guild.name,
        channels: all
          .filter((channel) => channel.guild_id === guild.id && channel.type === 0)
          .sort((a, b) => (a.position ?? 0) - (b.position ?? 0) || bySnowflake(a.id, b.id))
          .flatMap((channel) => [
            channel,
            ...all
              .filter((thread) => thread.parent_id === channel.id && thread.type >= 10 && thread.type <= 12)
              .sort((a, b) => bySnowflake(a.id, b.id)),
          ]),
      }))
      .filter((group) => group.channels.length);
    groups.push({
      title: "Direct messages",
      direct: true,
      channels: all.filter((channel) => channel.type === 1 || channel.type === 3),
    });
    if (this.hands.recorded) return groups.filter((group) => group.channels.length);
    return groups;
  }

  /** Opens the next or previous channel in the list. */
  step(by) {
    const ids = this.#order().flatMap((group) => group.channels.map((channel) => channel.id));
    this.hands.openChannel(ids[(ids.indexOf(this.store.current) + by + ids.length) % ids.length]);
  }

  draw() {
    const { store, hands } = this;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.channel : null;
    const groups = this.#order().map((group, index) =>
      h(
        "section.group",
        { "aria-labelledby": `group-${index}` },
        h("h2.group-title", { id: `group-${index}` }, group.title),
        h(
          "ul",
          {},
          group.channels.map((channel) => h("li", {}, this.#channel(channel))),
          group.direct && !group.channels.length && !hands.recorded
            ? h(
                "li",
                {},
                h(
                  "button.channel",
                  { type: "button", onclick: hands.openDm },
                  avatar(store.bot, 24),
                  h("span.channel-name", {}, `Message ${nameOf(store.bot)}`),
                ),
              )
            : null,
        ),
      ),
    );
    arrange(this.root, [
      h(
        "header.server",
        {},
        brand(28),
        h("span", {}, h("b", {}, store.guilds[0]?.name ?? "Limner"), h("small", {}, "a local stand-in for Discord")),
      ),
      h("div.groups", {}, groups),
      this.#me(),
    ]);
    if (focused) this.root.querySelector(`[data-channel="${focused}"]`)?.focus();
  }

  #channel(channel) {
    const { store } = this;
    const here = channel.id === store.current;
    const unread = store.unread.get(channel.id);
    const direct = channel.type === 1 || channel.type === 3;
    const other = channel.recipients?.[0];
    const thread = channel.type >= 10 && channel.type <= 12;
    return h(
      "button.channel",
      {
        type: "button",
        class: `${here ? "here" : ""} ${unread ? "unread" : ""} ${thread ? "thread" : ""}`,
        "aria-current": here ? "page" : null,
        dataset: { channel: channel.id },
        onclick: () => this.hands.openChannel(channel.id),
      },
      direct ? avatar(store.people.get(other?.id) ?? other ?? store.bot, 24) : icon(thread ? "thread" : "hash"),
      h("span.channel-name", {}, direct ? nameOf(other ?? store.bot) : channel.name),
      channel.nsfw ? h("span.channel-note", { title: "Age-restricted" }, "18+") : null,
      unread
        ? h(
            "span.badge",
            { class: unread.mine ? "mine" : "", "aria-label": unread.mine ? `${unread.mine} for you` : "unread" },
            unread.mine || "",
          )
        : null,
    );
  }

  #me() {
    const { store, hands } = this;
    if (!store.me) return h("footer.me");
    const open = (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      menu(
        [
          { heading: "Act as" },
          ...[...store.people.values()].map((user) => ({
            label: nameOf(user),
            small: roleOf(user),
            checked: user.id === store.me.id,
            before: avatar(user, 28),
            after: user.id === store.me.id ? icon("check") : null,
            run: () => {
              if (user.id !== store.me.id) hands.switchUser(user.id);
            },
          })),
          { heading: "Their Discord speaks" },
          ...LANGUAGES.map(([locale, name]) => ({
            label: name,
            checked: locale === store.locale,
            after: locale === store.locale ? icon("check") : null,
            run: () => hands.speak(locale),
          })),
        ],
        { x: box.left, y: Math.max(8, box.top - 96 - 48 * store.people.size - 36 * LANGUAGES.length) },
        "Act as",
      );
    };
    return h(
      "footer.me",
      {},
      h(
        hands.recorded ? "div.me-button" : "button.me-button",
        {
          type: hands.recorded ? null : "button",
          "aria-haspopup": hands.recorded ? null : "menu",
          "aria-label": `You are ${nameOf(store.me)}, ${roleOf(store.me)}. Switch person`,
          onclick: hands.recorded ? null : open,
        },
        avatar(store.me, 34),
        h("span.me-name", {}, h("b", {}, nameOf(store.me)), h("small", {}, roleOf(store.me))),
        hands.recorded ? null : icon("people"),
      ),
    );
  }
}

/** The bar above the messages. */
export class Top {
  constructor(root, store, hands) {
    Object.assign(this, { root, store, hands });
  }

  title() {
    const channel = this.store.channels.get(this.store.current);
    return channel?.type === 1 ? nameOf(channel.recipients?.[0]) : (channel?.name ?? "");
  }

  draw() {
    const { store, hands } = this;
    const channel = store.channels.get(store.current);
    const parent = store.channels.get(channel?.parent_id);
    const looks = { auto: ["auto", "as the system"], dark: ["moon", "dark"], light: ["sun", "light"] }[theme()];
    const held = document.activeElement?.dataset?.tool;
    arrange(
      this.root,
      [
        h(
          "button.plain.only-small",
          { type: "button", "aria-label": "Channels", onclick: hands.sidebar, dataset: { tool: "menu" } },
          icon("menu"),
          [...store.unread.values()].some((count) => count.mine) ? h("span.spot") : null,
        ),
        h(
          "h1.title",
          {},
          channel?.type === 1
            ? avatar(store.people.get(channel.recipients?.[0]?.id) ?? channel.recipients?.[0] ?? store.bot, 24)
            : icon(parent ? "thread" : "hash"),
          h("span", {}, this.title()),
        ),
        channel?.topic ? h("p.topic", {}, inlineMarkdown(channel.topic, store.names())) : h("p.topic"),
        h(
          "span.presence",
          { class: store.bot?.online || hands.recorded ? "online" : "offline", role: "status" },
          h("i"),
          h(
            "span",
            {},
            hands.recorded
              ? "recorded"
              : store.bot?.online
                ? `${nameOf(store.bot)} is here`
                : `${store.bot ? nameOf(store.bot) : "The bot"} is not connected`,
          ),
        ),
        hands.two
          ? h(
              "button.plain.only-wide",
              {
                type: "button",
                dataset: { tool: "two" },
                "aria-label": "Two people side by side",
                title: "Two people side by side",
                "aria-pressed": String(document.body.classList.contains("two")),
                onclick: hands.two,
              },
              icon("people"),
            )
          : null,
        h(
          "button.plain",
          {
            type: "button",
            dataset: { tool: "theme" },
            "aria-label": `Colours: ${looks[1]}. Change`,
            title: `Colours: ${looks[1]}`,
            onclick: () => {
              announce(`Colours: ${nextTheme()}`);
              this.draw();
            },
          },
          icon(looks[0]),
        ),
        hands.recorded
          ? null
          : h(
              "button.plain",
              {
                type: "button",
                dataset: { tool: "traffic" },
                "aria-label": "Traffic between the bot and Discord",
                title: "Traffic (for those who write bots)",
                "aria-pressed": String(hands.trafficShown()),
                onclick: hands.traffic,
              },
              icon("traffic"),
            ),
      ].filter(Boolean),
    );
    if (held) this.root.querySelector(`[data-tool="${held}"]`)?.focus();
  }
}

/** What stands at the beginning of a channel: the welcome with its prompts. */
export class Beginning {
  constructor(root, store, hands) {
    Object.assign(this, { root, store, hands });
  }

  draw(complete) {
    const { store, hands } = this;
    const channel = store.channels.get(store.current);
    this.root.hidden = !complete || !channel;
    if (this.root.hidden) return;
    const ready = store.usable().some((command) => command.name === "imagine");
    const key = JSON.stringify([channel.id, channel.name, store.welcome, ready, store.bot?.online]);
    if (key === this.key) return;
    this.key = key;
    const direct = channel.type === 1;
    arrange(
      this.root,
      [
        h(
          "div.beginning-mark",
          {},
          direct || channel.type === 0
            ? direct
              ? avatar(store.bot, 72)
              : h("span.hash", {}, icon("hash"))
            : h("span.hash", {}, icon("thread")),
        ),
        h(
          "h2.beginning-title",
          {},
          direct
            ? nameOf(channel.recipients?.[0])
            : channel.type === 0
              ? `Welcome to #${channel.name}!`
              : channel.name,
        ),
        h(
          "p.beginning-text",
          {},
          direct
            ? `The beginning of your direct messages with ${nameOf(channel.recipients?.[0])}.`
            : channel.topic ||
                (channel.type === 0 ? `The beginning of #${channel.name}.` : "The beginning of this thread."),
        ),
        channel.name === "admin" && channel.type === 0 && store.welcome.length ? this.#steps(ready) : null,
        store.welcome.length && channel.name !== "admin" && !hands.quiet && !(channel.type >= 10 && channel.type <= 12)
          ? h(
              "div.welcome",
              {},
              h(
                "p",
                {},
                h("b", {}, "Tell Limner what to draw."),
                " Type ",
                h("kbd", {}, "/imagine"),
                " and a few words, or begin with one of these:",
              ),
              h(
                "div.welcome-prompts",
                {},
                store.welcome.map((text) =>
                  h(
                    "button.welcome-prompt",
                    { type: "button", onclick: () => hands.prompt(text) },
                    h("span", {}, text),
                    icon("send"),
                  ),
                ),
              ),
              h(
                "p.welcome-note",
                {},
                ready
                  ? "Everything runs on this machine. Then try the buttons under the picture."
                  : store.bot?.online
                    ? "Limner is not offered in this channel."
                    : "Limner is still getting ready…",
              ),
            )
          : null,
      ].filter(Boolean),
    );
  }

  /** What those in charge begin with: a press writes the command, to look at before it is sent. */
  #steps(ready) {
    return h(
      "div.welcome",
      {},
      h("p", {}, h("b", {}, "Running the bot here, in six steps."), " A press writes the command; nothing is sent."),
      h(
        "ol.welcome-prompts",
        {},
        STEPS.map(([command, what]) =>
          h(
            "li",
            {},
            h(
              "button.welcome-prompt",
              { type: "button", onclick: () => this.hands.command(command) },
              h("span", {}, h("kbd", {}, `/${command}`), ` ${what}`),
            ),
          ),
        ),
      ),
      h("p.welcome-note", {}, ready ? "All of it can be undone, and stands in /admin audit." : "Limner is still getting ready…"),
    );
  }
}

/** The steps on the welcome of #admin. */
const STEPS = [
  ["admin log", "names this channel for what happens: reports, refusals, who changed what"],
  ["admin channels allow", "names the channels in which Limner answers"],
  ["admin channels content", "says what becomes of adult content, channel by channel"],
  ["admin roles allowance", "gives each role its seconds of the engine"],
  ["admin words block", "keeps words out of prompts"],
  ["admin pause", "starts nothing new, until a time you give"],
];
