// Draws message components (rows, buttons, selects and the V2 layout) and remembers which are waiting for the bot.

import { h } from "./dom.js";
import { emojiNode } from "./emoji.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { Picture, fileCard, local } from "./media.js";
import { Choice } from "./choice.js";

const BUTTON = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium" };

/** Nodes for a message's components. `context`: {message, press(component, values), waiting, names, store, open}. */
export function components(list, context) {
  return (list ?? []).map((component) => draw(component, context)).filter(Boolean);
}

function draw(component, context) {
  switch (component.type) {
    case 1:
      return h(
        "div.row",
        {},
        component.components.map((child) => draw(child, context)),
      );
    case 2:
      return button(component, context);
    case 3:
    case 5:
    case 6:
    case 7:
    case 8:
      return select(component, context);
    case 9:
      return h(
        "div.section",
        {},
        h(
          "div.section-texts",
          {},
          component.components.map((child) => draw(child, context)),
        ),
        h("div.section-accessory", {}, draw(component.accessory, context)),
      );
    case 10:
      return h("div.text", {}, markdown(component.content, context.names));
    case 11:
      return media(component, context, { wide: 85, tall: 85 });
    case 12:
      return gallery(component, context);
    case 13:
      return fileCard({
        ...component,
        url: component.file.url,
        filename: component.name ?? component.file.url.split("/").pop().split("?")[0],
      });
    case 14:
      return component.divider === false
        ? h("div.gap", { class: component.spacing === 2 ? "large" : "" })
        : h("hr.divider", { class: component.spacing === 2 ? "large" : "" });
    case 17:
      return h(
        "div.container",
        {
          style: component.accent_color ? { "--edge": colour(component.accent_color) } : {},
          class: `${component.accent_color ? "accented" : ""} ${component.spoiler ? "spoiled" : ""}`,
        },
        component.components.map((child) => draw(child, context)),
      );
    default:
      return h("div.unknown", {}, `This page does not know component type ${component.type}.`);
  }
}

/** `#rrggbb` of Discord's integer colour. */
export const colour = (number) => `#${number.toString(16).padStart(6, "0")}`;

function media(component, context, limits) {
  const item = component.media;
  const picture = new Picture((file) => context.open(file, [file]));
  picture.show(
    {
      ...item,
      id: item.attachment_id ?? item.id ?? item.url,
      filename: local(item.url).split("/").pop().split("?")[0],
      description: component.description,
      flags: component.spoiler ? 8 : 0,
    },
    limits,
  );
  return picture.element;
}

function gallery(component, context) {
  const many = component.items.length > 1;
  return h(
    "div.mosaic",
    { class: many ? "many" : "" },
    component.items.map((item) => media(item, context, many ? { wide: 272, tall: 272 } : {})),
  );
}

function button(component, context) {
  const face = [
    component.emoji ? emojiNode(component.emoji) : null,
    component.label ? h("span.label", {}, component.label) : null,
  ];
  if (component.style === 5) {
    const safe = /^(https?|discord):/.test(component.url ?? "");
    return h(
      "a.button.link",
      {
        href: safe && !component.disabled ? component.url : null,
        target: "_blank",
        rel: "noopener noreferrer",
        "aria-disabled": component.disabled ? "true" : null,
      },
      face,
      icon("link"),
    );
  }
  const waiting = context.waiting?.has(component.custom_id);
  return h(
    `button.button.${BUTTON[component.style] ?? "secondary"}`,
    {
      type: "button",
      class: waiting ? "waiting" : "",
      disabled: Boolean(component.disabled),
      "aria-busy": waiting ? "true" : null,
      "aria-label": component.label ? null : `Button ${component.emoji?.name ?? ""}`,
      dataset: { custom: component.custom_id ?? "" },
      onclick: () => context.press(component),
    },
    h("span.face", {}, face),
    h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")),
  );
}

function select(component, context) {
  const choice = new Choice(component, {
    options: selectable(component, context.store, context.message?.channel_id),
    label: component.placeholder || "Make a selection",
    changed: (values) => context.press(component, values),
    immediate: (component.max_values ?? 1) === 1,
  });
  if (context.waiting?.has(component.custom_id)) choice.element.classList.add("waiting");
  return choice.element;
}

/** The options of any select: its own, or people, roles and channels. */
export function selectable(component, store, channelId) {
  if (component.type === 3) return component.options ?? [];
  const defaults = new Set((component.default_values ?? []).map((value) => value.id));
  const entry = (id, label, description) => ({ value: id, label, description, default: defaults.has(id) });
  const people = () =>
    [...store.people.values(), ...(store.bot ? [store.bot] : [])].map((user) =>
      entry(user.id, user.global_name || user.username, user.username),
    );
  const roles = () =>
    store.roles.map((role) => entry(role.id, role.name.startsWith("@") ? role.name : `@${role.name}`));
  if (component.type === 5) return people();
  if (component.type === 6) return roles();
  if (component.type === 7) return [...people(), ...roles()];
  const guild = store.channels.get(channelId)?.guild_id;
  return [...store.channels.values()]
    .filter(
      (channel) =>
        channel.type !== 1 &&
        (!guild || channel.guild_id === guild) &&
        (!component.channel_types?.length || component.channel_types.includes(channel.type)),
    )
    .map((channel) => entry(channel.id, `#${channel.name}`));
}
