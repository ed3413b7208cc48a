// What the page knows of the world: people, channels, messages, commands; draws nothing.

/** Orders snowflakes, which are too large for numbers. */
export const bySnowflake = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

export const EPHEMERAL = 64;
export const LOADING = 128;
export const COMPONENTS_V2 = 32768;

/** Holds the world as one viewer sees it; emits "world", "channels", "message", "messages", "people", "commands", "typing". */
export class Store extends EventTarget {
  me = null;
  locale = "en-US"; // the language of this person's Discord
  bot = null;
  guilds = [];
  people = new Map();
  channels = new Map();
  messages = new Map(); // channel id -> Map(message id -> message), in order
  complete = new Set(); // channels whose beginning is known
  commands = [];
  offered = {}; // channel id -> ids of the commands this person may use there
  limit = 10 * 2 ** 20;
  version = 0; // grows when names may have changed, so that mentions are drawn again
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
    this.locale = snapshot.locale;
    this.bot = snapshot.bot;
    this.guilds = snapshot.guilds ?? [];
    this.limit = snapshot.limit ?? 10 * 2 ** 20;
    this.commands = snapshot.commands ?? [];
    this.offered = snapshot.offered ?? {};
    this.roles = snapshot.roles ?? [];
    this.welcome = snapshot.welcome ?? [];
    this.people = new Map((snapshot.people ?? []).map((user) => [user.id, user]));
    this.channels = new Map((snapshot.channels ?? []).map((channel) => [channel.id, channel]));
    this.messages = new Map();
    this.complete = new Set(snapshot.complete ?? []);
    for (const [channel, list] of Object.entries(snapshot.messages ?? {})) {
      this.messages.set(
        channel,
        new Map([...list].sort((a, b) => bySnowflake(a.id, b.id)).map((message) => [message.id, message])),
      );
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
    list.set(message.id, message);
    if (late) this.messages.set(message.channel_id, new Map([...list].sort(([a], [b]) => bySnowflake(a, b))));
    if (!known && message.channel_id !== this.current && message.author?.id !== this.me?.id) {
      const count = this.unread.get(message.channel_id) ?? { all: 0, mine: 0 };
      count.all++;
      if (
        message.mentions?.some((user) => user.id === this.me.id) ||
        this.channels.get(message.channel_id)?.type === 1
      )
        count.mine++;
      this.unread.set(message.channel_id, count);
      this.#tell("channels");
    }
    if (message.author) this.typing.delete(`${message.channel_id}:${message.author.id}`);
    this.#tell("message", { message: list.get(message.id), fresh: !known });
  }

  prepend(channel, messages, complete) {
    const list = new Map(
      [...messages].sort((a, b) => bySnowflake(a.id, b.id)).map((message) => [message.id, message]),
    );
    for (const [id, message] of this.messages.get(channel) ?? []) list.set(id, message);
    this.messages.set(channel, list);
    if (complete) this.complete.add(channel);
    this.#tell("messages");
  }

  remove(channel, id) {
    if (this.messages.get(channel)?.delete(id)) this.#tell("messages");
  }

  setChannels({ channels, ...commands }) {
    this.channels = new Map(channels.map((channel) => [channel.id, channel]));
    for (const id of this.messages.keys()) if (!this.channels.has(id)) this.messages.delete(id);
    for (const { id } of channels) {
      if (this.messages.has(id)) continue;
      this.messages.set(id, new Map());
      this.complete.add(id);
    }
    this.version++;
    this.setCommands(commands);
    if (this.channels.has(this.current)) {
      this.#tell("channels");
      this.#tell("messages");
    } else {
      this.current = this.firstChannel();
      this.#tell("world", { switched: true });
    }
  }

  setCommands({ commands, offered }) {
    this.commands = commands;
    this.offered = offered;
    this.#tell("commands");
  }

  /** The commands of a kind that may be used in the open channel. */
  usable(kind = 1) {
    const here = new Set(this.offered[this.current] ?? []);
    return this.commands.filter((command) => (command.type ?? 1) === kind && here.has(command.id));
  }

  setBot(bot) {
    this.bot = { ...this.bot, ...bot };
    this.#tell("people");
  }

  startTyping(channel, user) {
    this.typing.set(`${channel}:${user}`, Date.now() + 9000);
    this.#tell("typing");
  }

  /** Resolvers that markdown needs for mentions. */
  names() {
    return {
      me: this.me?.id,
      version: this.version,
      user: (id) => {
        const user = this.people.get(id) ?? (this.bot?.id === id ? this.bot : null);
        return user ? user.nick || user.global_name || user.username : undefined;
      },
      channel: (id) => this.channels.get(id)?.name,
      role: (id) => this.roles.find((role) => role.id === id)?.name,
    };
  }
}
