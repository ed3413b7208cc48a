// The picture viewer: zoom by wheel, pinch, keys and buttons, drag to move, arrows between pictures.

import { announce, h } from "./dom.js";
import { icon } from "./icons.js";
import { local } from "./media.js";

const MOST = 32;

/** A full-window viewer; `open(file, files)` shows one of several pictures. */
export class Viewer {
  constructor() {
    this.img = h("img.viewer-img", { alt: "", draggable: "false" });
    this.stage = h("div.viewer-stage", { tabIndex: -1 }, this.img);
    this.caption = h("p.viewer-caption");
    this.scaleText = h("span.viewer-scale", { "aria-live": "polite" });
    const tool = (name, label, run) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick: run }, icon(name));
    this.previous = tool("left", "Previous picture (←)", () => this.#step(-1));
    this.next = tool("right", "Next picture (→)", () => this.#step(1));
    this.save = h("a.viewer-save", { "aria-label": "Save picture", title: "Save picture" }, icon("download"));
    this.previous.className = "viewer-previous";
    this.next.className = "viewer-next";
    this.dialog = h(
      "dialog.viewer",
      {
        "aria-label": "Picture viewer",
        onkeydown: (event) => this.#key(event),
        onclose: () => {
          this.img.removeAttribute("src");
        },
      },
      this.stage,
      this.previous,
      this.next,
      this.caption,
      h(
        "div.viewer-tools",
        { role: "toolbar", "aria-label": "Zoom" },
        tool("zoomout", "Zoom out (−)", () => this.#zoom(1 / 1.5)),
        this.scaleText,
        tool("zoomin", "Zoom in (+)", () => this.#zoom(1.5)),
        tool("fit", "Fit to window (0)", () => this.#reset()),
        this.save,
        tool("close", "Close (Esc)", () => this.dialog.close()),
      ),
    );
    document.body.append(this.dialog);
    this.pointers = new Map();
    this.stage.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.#zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), event.clientX, event.clientY);
      },
      { passive: false },
    );
    this.stage.addEventListener("pointerdown", (event) => this.#down(event));
    this.stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, (event) => this.#up(event));
    this.stage.addEventListener("dblclick", (event) =>
      this.scale > this.least * 1.01 ? this.#reset() : this.#zoom(2.5, event.clientX, event.clientY),
    );
    addEventListener("resize", () => this.dialog.open && this.#reset());
    this.img.addEventListener("load", () => this.#reset());
  }

  open(file, files) {
    this.files = files?.length ? files : [file];
    this.index = Math.max(0, this.files.indexOf(file));
    this.#show();
    if (!this.dialog.open) this.dialog.showModal();
    this.stage.focus();
  }

  #show() {
    const file = this.files[this.index];
    const many = this.files.length > 1;
    this.previous.hidden = this.next.hidden = !many;
    const words = file.description || file.filename || "";
    this.caption.textContent = [
      many ? `${this.index + 1} of ${this.files.length}` : "",
      words,
      file.width ? `${file.width} × ${file.height}` : "",
    ]
      .filter(Boolean)
      .join("  ·  ");
    this.img.alt = words;
    this.img.src = local(file.url);
    this.save.href = local(file.url);
    this.save.download = file.filename ?? "picture";
    announce(`Picture ${words}`);
  }

  #step(by) {
    if (this.files.length < 2) return;
    this.index = (this.index + by + this.files.length) % this.files.length;
    this.#show();
  }

  #reset() {
    const { naturalWidth: width, naturalHeight: height } = this.img;
    if (!width) return;
    const fitting = Math.min(this.stage.clientWidth / width, this.stage.clientHeight / height);
    this.least = fitting >= 2 ? Math.floor(fitting) : fitting > 1 ? 1 : fitting;
    this.scale = this.least;
    this.x = this.y = 0;
    this.#place(true);
  }

  #zoom(by, clientX, clientY) {
    const box = this.stage.getBoundingClientRect();
    const at = {
      x: (clientX ?? box.left + box.width / 2) - box.left - box.width / 2,
      y: (clientY ?? box.top + box.height / 2) - box.top - box.height / 2,
    };
    const scale = Math.min(MOST, Math.max(Math.min(this.least, 1), this.scale * by));
    const ratio = scale / this.scale;
    this.x = at.x - (at.x - this.x) * ratio;
    this.y = at.y - (at.y - this.y) * ratio;
    this.scale = scale;
    this.#place(clientX === undefined);
  }

  #place(smooth) {
    const reachX = Math.max(0, (this.img.naturalWidth * this.scale - this.stage.clientWidth) / 2 + 40);
    const reachY = Math.max(0, (this.img.naturalHeight * this.scale - this.stage.clientHeight) / 2 + 40);
    this.x = Math.min(reachX, Math.max(-reachX, this.x));
    this.y = Math.min(reachY, Math.max(-reachY, this.y));
    this.img.classList.toggle("smooth", smooth);
    this.img.classList.toggle("crisp", this.scale >= 2);
    this.img.style.transform = `translate(-50%, -50%) translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.scaleText.textContent = `${Math.round(this.scale * 100)} %`;
    this.stage.classList.toggle("movable", this.scale > this.least * 1.01);
  }

  #down(event) {
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.moved = this.pointers.size > 1;
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (Math.hypot(now.x - before.x, now.y - before.y) > 3) this.moved = true;
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const ratio =
        Math.hypot(now.x - other.x, now.y - other.y) /
        Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
      this.#zoom(ratio, (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (this.pointers.size === 1) {
      this.x += now.x - before.x;
      this.y += now.y - before.y;
      this.#place(false);
    }
    this.pointers.set(event.pointerId, now);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    if (event.type === "pointercancel" || this.moved || this.pointers.size) return;
    const box = this.img.getBoundingClientRect();
    const outside =
      event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
    if (outside) this.dialog.close();
  }

  #key(event) {
    const step = 80;
    const zoomed = this.scale > this.least * 1.01;
    const keys = {
      "+": () => this.#zoom(1.5),
      "=": () => this.#zoom(1.5),
      "-": () => this.#zoom(1 / 1.5),
      0: () => this.#reset(),
      ArrowLeft: () => (zoomed ? this.#pan(step, 0) : this.#step(-1)),
      ArrowRight: () => (zoomed ? this.#pan(-step, 0) : this.#step(1)),
      ArrowUp: () => this.#pan(0, step),
      ArrowDown: () => this.#pan(0, -step),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  }

  #pan(x, y) {
    this.x += x;
    this.y += y;
    this.#place(true);
  }
}
