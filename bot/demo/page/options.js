// What a slash command's options take: their kinds, what may be chosen, what is wrong; draws only faces in lists.

import { h } from "./dom.js";
import { avatar, nameOf } from "./icons.js";

/** Option types by Discord's numbers. */
export const TYPES = {
  string: 3,
  integer: 4,
  boolean: 5,
  user: 6,
  channel: 7,
  role: 8,
  mentionable: 9,
  number: 10,
  attachment: 11,
};

const LISTED = new Set([TYPES.boolean, TYPES.user, TYPES.channel, TYPES.role, TYPES.mentionable]);
const NUMBERS = new Set([TYPES.integer, TYPES.number]);
const LONGEST = 6000; // characters of a string option

/** Every command a person can type, subcommands spelled out: {command, name: "a b", description, options}. */
export function flatten(commands) {
  const out = [];
  for (const command of commands) {
    const walk = (node, path) => {
      const nested = (node.options ?? []).filter((option) => option.type <= 2);
      if (nested.length) for (const option of nested) walk(option, [...path, option.name]);
      else
        out.push({ command, name: path.join(" "), description: node.description ?? "", options: node.options ?? [] });
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
  const escaped = names.map((name) => name.replace(/[^\p{L}\p{N}_]/gu, "\\$&"));
  const pattern = new RegExp(`(?:^|\\s)(${escaped.join("|")}):\\s?`, "gu");
  let name = first;
  let from = 0;
  const take = (to) => {
    const value = text.slice(from, to).trim();
    if (name && value) values.set(name, value);
  };
  for (const match of text.matchAll(pattern)) {
    take(match.index);
    name = match[1];
    from = match.index + match[0].length;
  }
  take(text.length);
  return values;
}

/** Whether an option's text is free and may be long. */
export const isFree = (option) => option.type === TYPES.string && !option.choices?.length && !option.autocomplete;

/** What may be chosen for an option: [{name, value, small?, before?}], or null where anything may be typed. */
export function choices(option, store) {
  if (option.choices?.length) return option.choices;
  switch (option.type) {
    case TYPES.boolean:
      return [
        { name: "True", value: true },
        { name: "False", value: false },
      ];
    case TYPES.user:
    case TYPES.mentionable:
      return [...store.people.values(), ...(store.bot ? [store.bot] : [])].map((user) => ({
        name: nameOf(user),
        small: user.username,
        value: user.id,
        before: h("span.suggest-icon", {}, avatar(user, 24)),
      }));
    case TYPES.role:
      return store.roles.map((role) => ({ name: role.name, value: role.id }));
    case TYPES.channel: {
      const guild = store.channels.get(store.current)?.guild_id;
      return [...store.channels.values()]
        .filter((channel) => channel.name && channel.guild_id === guild)
        .filter((channel) => !option.channel_types?.length || option.channel_types.includes(channel.type))
        .map((channel) => ({ name: `#${channel.name}`, value: channel.id }));
    }
    default:
      return null;
  }
}

/** The choices that what was typed so far still fits. */
export function fitting(list, typed) {
  const wanted = typed.trim().toLowerCase();
  return list.filter((choice) => `${choice.name} ${choice.small ?? ""}`.toLowerCase().includes(wanted));
}

/** The choice whose name (or value) was typed in full, if any. */
export function exact(option, text, store) {
  const wanted = text.trim().toLowerCase().replace(/^[#@]/, "");
  return (
    choices(option, store)?.find(
      (choice) =>
        choice.name.toLowerCase().replace(/^[#@]/, "") === wanted || String(choice.value).toLowerCase() === wanted,
    ) ?? null
  );
}

/** What is sent for typed text: numbers as numbers. */
export const typedValue = (option, text) => (NUMBERS.has(option.type) ? Number(text) : text);

/** What is wrong with a filled-in or empty option, as a sentence, or null. */
export function trouble(option, { text, picked, file }) {
  const empty = option.type === TYPES.attachment ? !file : !text;
  if (empty) return option.required ? "This option is required." : null;
  if (option.type === TYPES.attachment || picked) return null;
  if (option.choices?.length || LISTED.has(option.type)) return "Choose one of the list.";
  if (option.type === TYPES.integer && !/^-?\d+$/.test(text)) return "Must be a whole number.";
  if (NUMBERS.has(option.type)) {
    const number = Number(text);
    if (Number.isNaN(number)) return "Must be a number.";
    if (option.min_value !== undefined && number < option.min_value) return `Must be at least ${option.min_value}.`;
    if (option.max_value !== undefined && number > option.max_value) return `Must be at most ${option.max_value}.`;
    return null;
  }
  const most = option.max_length ?? LONGEST;
  if (option.min_length && text.length < option.min_length)
    return `Must be at least ${option.min_length} characters.`;
  return text.length > most ? `Must be at most ${most} characters.` : null;
}
