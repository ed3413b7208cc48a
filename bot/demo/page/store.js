// What the page knows of the world: people, channels, messages, commands; draws nothing.

/** Orders snowflakes, which are too large for numbers. */
export const bySnowflake = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

export const EPHEMERAL = 64;
export const LOADING = 128;

/** Holds the world as one viewer sees it; emits "world", "channels", "message", "messages", "people", "commands". */
export class Store extends EventTarget {
  me = null;
  bot = null;
  guild = null;
  people = new Map();
  channels = new Map();
  messages = new Map(); // channel id -> Map(message id -> message), in order
  complete = new Set(); // channels whose beginning is known
  commands = [];
  roles = [];
  welcome = [];
  current = null;
  unread = new Map();
  typing = new Map();

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Replaces everything by the server's snapshot, keeping the open channel where it still exists. */
  load(snapshot, wanted) {
    const viewer = this.me?.id;
    this.me = snapshot.me;
    this.bot = snapshot.bot;
    this.guild = snapshot.guild;
    this.commands = snapshot.commands ?? [];
    this.roles = snapshot.roles ?? [];
    this.welcome = snapshot.welcome ?? [];
    this.people = new Map((snapshot.people ?? []).map((user) => [user.id, user]));
    this.channels = new Map((snapshot.channels ?? []).map((channel) => [channel.id, channel]));
    this.messages = new Map();
    this.complete = new Set(snapshot.complete ?? []);
    for (const [channel, list] of Object.entries(snapshot.messages ?? {})) {
      this.messages.set(channel, new Map([...list].sort((a, b) => bySnowflake(a.id, b.id)).map((message) => [message.id, message])));
    }
    if (viewer !== this.me.id) this.unread.clear();
    const keep = [wanted, this.current].find((id) => id && this.channels.has(id));
    this.current = keep ?? this.firstChannel();
    this.#tell("world", { switched: viewer !== this.me.id });
  }

  firstChannel() {
    for (const channel of this.channels.values()) if (channel.type === 0) return channel.id;
    return this.channels.keys().next().value ?? null;
  }

  open(id) {
    if (!this.channels.has(id) || id === this.current) return;
    this.current = id;
    this.unread.delete(id);
    this.#tell("world", { switched: true });
  }

  list(channel = this.current) {
    return [...(this.messages.get(channel)?.values() ?? [])];
  }

  find(id) {
    for (const list of this.messages.values()) if (list.has(id)) return list.get(id);
    return null;
  }

  put(message) {
    let list = this.messages.get(message.channel_id);
    if (!list) this.messages.set(message.channel_id, (list = new Map()));
    const known = list.get(message.id);
    const late = !known && list.size > 0 && bySnowflake([...list.keys()].at(-1), message.id) > 0;
    list.set(message.id, known ? { ...known, ...message } : message);
    if (late) this.messages.set(message.channel_id, new Map([...list].sort(([a], [b]) => bySnowflake(a, b))));
    if (!known && message.channel_id !== this.current && message.author?.id !== this.me?.id) {
      const count = this.unread.get(message.channel_id) ?? { all: 0, mine: 0 };
      count.all++;
      if (message.mentions?.some((user) => user.id === this.me.id) || this.channels.get(message.channel_id)?.type === 1) count.mine++;
      this.unread.set(message.channel_id, count);
      this.#tell("channels");
    }
    if (message.author) this.typing.delete(`${message.channel_id}:${message.author.id}`);
    this.#tell("message", { message: list.get(message.id), fresh: !known });
  }

  prepend(channel, messages, complete) {
    const list = new Map([...messages].sort((a, b) => bySnowflake(a.id, b.id)).map((message) => [message.id, message]));
    for (const [id, message] of this.messages.get(channel) ?? []) list.set(id, message);
    this.messages.set(channel, list);
    if (complete) this.complete.add(channel);
    this.#tell("messages");
  }

  remove(channel, id) {
    if (this.messages.get(channel)?.delete(id)) this.#tell("messages");
  }

  channel(channel) {
    this.channels.set(channel.id, { ...this.channels.get(channel.id), ...channel });
    this.#tell("channels");
  }

  dropChannel(id) {
    if (!this.channels.delete(id)) return;
    this.messages.delete(id);
    if (this.current === id) {
      this.current = this.firstChannel();
      this.#tell("world", { switched: true });
    } else this.#tell("channels");
  }

  person(user) {
    this.people.set(user.id, { ...this.people.get(user.id), ...user });
    this.#tell("people");
  }

  setCommands(commands) {
    this.commands = commands;
    this.#tell("commands");
  }

  setBot(bot) {
    this.bot = { ...this.bot, ...bot };
    this.#tell("people");
  }

  startTyping(channel, user) {
    this.typing.set(`${channel}:${user}`, Date.now() + 9000);
    this.#tell("typing");
  }

  react({ channel_id, message_id, user_id, emoji }, add) {
    const message = this.messages.get(channel_id)?.get(message_id);
    if (!message) return;
    const same = (one) => (emoji.id ? one.emoji.id === emoji.id : one.emoji.name === emoji.name);
    let reactions = (message.reactions ?? []).map((one) => (same(one) ? { ...one, count: one.count + (add ? 1 : -1), me: user_id === this.me.id ? add : one.me } : one));
    if (add && !reactions.some(same)) reactions = [...reactions, { emoji, count: 1, me: user_id === this.me.id }];
    this.put({ ...message, reactions: reactions.filter((one) => one.count > 0) });
  }

  /** Resolvers that markdown needs for mentions. */
  names() {
    return {
      me: this.me?.id,
      user: (id) => {
        const user = this.people.get(id) ?? (this.bot?.id === id ? this.bot : null);
        return user ? user.nick || user.global_name || user.username : undefined;
      },
      channel: (id) => this.channels.get(id)?.name,
      role: (id) => this.roles.find((role) => role.id === id)?.name,
    };
  }
}
