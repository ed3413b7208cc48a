// The one connection to the demo server: requests with answers, events, and reconnecting by itself.

/** Talks JSON over a WebSocket; emits "open", "closed" and every event of the server under its `t`. */
export class Socket extends EventTarget {
  #ws = null;
  #waiting = new Map();
  #next = 1;
  #delay = 300;
  #hello;

  constructor(hello) {
    super();
    this.#hello = hello;
    addEventListener("online", () => this.connect());
  }

  get open() {
    return this.#ws?.readyState === WebSocket.OPEN;
  }

  connect() {
    if (this.#ws && this.#ws.readyState <= WebSocket.OPEN) return;
    const url = new URL("ws", new URL(".", location.href));
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const ws = (this.#ws = new WebSocket(url));
    ws.onopen = () => {
      this.#delay = 300;
      ws.send(JSON.stringify({ op: "hello", ...this.#hello() }));
    };
    ws.onmessage = (event) => this.#receive(JSON.parse(event.data));
    ws.onclose = () => {
      if (ws !== this.#ws) return;
      for (const waiting of this.#waiting.values()) waiting.reject(new Error("The demo server went away."));
      this.#waiting.clear();
      this.dispatchEvent(new CustomEvent("closed"));
      setTimeout(() => this.connect(), this.#delay);
      this.#delay = Math.min(this.#delay * 1.6, 2500);
    };
  }

  #receive(message) {
    if (message.t === "REPLY") {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (!waiting) return;
      if (message.ok) waiting.resolve(message.d);
      else waiting.reject(new Error(message.error || "That did not work."));
      return;
    }
    this.dispatchEvent(new CustomEvent(message.t, { detail: message.d }));
  }

  /** Sends one operation; resolves with its answer or rejects with a sentence. */
  ask(op, data = {}) {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(new Error("Not connected: waiting for the demo server."));
        return;
      }
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#ws.send(JSON.stringify({ op, id, ...data }));
    });
  }

  /** Uploads one file; resolves with the handle the server knows it by. */
  async upload(file) {
    const answer = await fetch(`upload?name=${encodeURIComponent(file.name || "picture.png")}`, {
      method: "POST",
      headers: { "Content-Type": file.type || "application/octet-stream" },
      body: file,
    });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(body.error ?? "The upload failed.");
    return body.id;
  }
}
