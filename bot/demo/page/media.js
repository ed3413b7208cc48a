// Shows attached pictures and files, swapping a preview for the next without a flicker.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const WIDE = 550;
const TALL = 550;

/** The size a picture is shown at: shrunk to fit, or enlarged by a whole number so that pixels stay crisp. */
export function fit(width, height, wide = WIDE, tall = TALL) {
  if (!width || !height) return { width: wide, height: tall * 0.6, crisp: false };
  const scale = Math.min(wide / width, tall / height);
  const factor = scale >= 2 ? Math.floor(scale) : Math.min(scale, 1);
  return { width: Math.round(width * factor), height: Math.round(height * factor), crisp: factor >= 2 };
}

const isImage = (file) => (file.content_type ?? "").startsWith("image/") && file.content_type !== "image/svg+xml";
const isSpoiler = (file) => file.filename?.startsWith("SPOILER_") || Boolean((file.flags ?? 0) & 8);
const size = (bytes) =>
  bytes >= 2 ** 20
    ? `${(bytes / 2 ** 20).toFixed(1)} MB`
    : bytes >= 1024
      ? `${Math.round(bytes / 1024)} kB`
      : `${bytes} bytes`;

/** The link of a file through the page's own origin, so `localhost` and `127.0.0.1` are one place. */
export function local(url) {
  if (!url) return "";
  if (url.startsWith("data:") || url.startsWith("blob:")) return url;
  try {
    const parsed = new URL(url, location.href);
    if (/^(localhost|127\.0\.0\.1|\[::1\])$/.test(parsed.hostname)) return parsed.pathname + parsed.search;
  } catch {
    /* not a link at all */
  }
  return "";
}

/** One picture in a reserved box; `show(file)` puts the next version in once it is decoded. */
export class Picture {
  constructor(open) {
    this.file = null;
    this.img = h("img", { alt: "", draggable: "false", decoding: "async" });
    this.element = h(
      "button.picture",
      { type: "button", onclick: () => (this.covered ? this.#uncover() : open(this.file)) },
      this.img,
    );
  }

  show(file, { wide, tall } = {}) {
    const before = this.file;
    this.file = file;
    const box = fit(file.width, file.height, wide, tall);
    const label = file.description || file.filename || "picture";
    this.element.setAttribute("aria-label", `Open picture: ${label}`);
    this.element.title = file.description ?? "";
    this.covered = isSpoiler(file) && !(before && before.id === file.id && !this.covered);
    this.element.classList.toggle("covered", this.covered);
    this.element.dataset.cover = this.covered ? "SPOILER" : "";
    if (before && before.id === file.id && before.id !== undefined) return;
    const token = (this.token = Symbol("load"));
    const next = new Image();
    next.src = local(file.url);
    const put = () => {
      if (this.token !== token) return;
      this.element.style.width = `${box.width}px`;
      this.element.style.aspectRatio = `${box.width} / ${box.height}`;
      this.img.classList.toggle("crisp", box.crisp);
      this.img.alt = label;
      this.img.src = next.src;
      this.element.classList.remove("loading", "broken");
    };
    if (!before) {
      this.element.style.width = `${box.width}px`;
      this.element.style.aspectRatio = `${box.width} / ${box.height}`;
      this.element.classList.add("loading");
      this.img.alt = label;
    }
    // decoded first: the old picture stays until the new one can be painted whole
    next.decode().then(put, () => {
      if (this.token !== token) return;
      put();
      this.element.classList.add("broken");
    });
  }

  #uncover() {
    this.covered = false;
    this.element.classList.remove("covered");
    this.element.dataset.cover = "";
  }
}

/** The attachments of a message: pictures in a mosaic, other files as cards. */
export class Attachments {
  constructor(open) {
    this.open = open;
    this.pictures = [];
    this.mosaic = h("div.mosaic");
    this.files = h("div.files");
    this.element = h("div.attachments", {}, this.mosaic, this.files);
  }

  show(attachments) {
    const images = attachments.filter(isImage);
    const others = attachments.filter((file) => !isImage(file));
    while (this.pictures.length > images.length) this.pictures.pop().element.remove();
    images.forEach((file, index) => {
      if (!this.pictures[index]) {
        this.pictures[index] = new Picture((shown) =>
          this.open(
            shown,
            this.pictures.map((picture) => picture.file),
          ),
        );
        this.mosaic.append(this.pictures[index].element);
      }
      const many = images.length > 1;
      this.pictures[index].show(file, many ? { wide: 272, tall: 272 } : {});
    });
    this.mosaic.classList.toggle("many", images.length > 1);
    this.mosaic.hidden = images.length === 0;
    this.files.replaceChildren(...others.map(fileCard));
    this.files.hidden = others.length === 0;
  }
}

/** A downloadable file as a card. */
export function fileCard(file) {
  const name = file.filename ?? file.name ?? "file";
  return h(
    "a.file",
    { href: local(file.url), download: name, title: file.description ?? "" },
    icon("file"),
    h("span.file-name", {}, name, h("small", {}, file.size !== undefined ? size(file.size) : "")),
    icon("download"),
  );
}
