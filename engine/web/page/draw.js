// The drawing page: keeps a list of strokes over one picture and sends what they mark. Asks no other host.

import { said } from "./words.js";

const at = (id) => document.getElementById(id);
const [table, stage, picture, canvas] = [at("table"), at("stage"), at("picture"), at("mask")];
const pen = canvas.getContext("2d");
const here = location.pathname.replace(/\/$/, "");
const spoken = location.search; // names the language that is read here
const MARK = "#ff40a0";

const view = { x: 0, y: 0, scale: 1 };
let begun = null; // what was marked before this page opened
let strokes = [];
let undone = [];
let current = null;
let tool = "brush";
let erasing = false;
let paints = true;
let busy = false;
const fingers = new Map();
let pinch = null;
const frame = { x: 0.35, y: 0.35, wide: 0.3, high: 0.3 }; // what Enter marks, in shares of the picture
const STEP = 0.05;

function draw(stroke) {
  pen.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
  pen.fillStyle = pen.strokeStyle = MARK;
  const [first, ...rest] = stroke.points;
  if (stroke.tool === "invert") {
    pen.globalCompositeOperation = "xor";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  } else if (stroke.tool === "clear") {
    pen.clearRect(0, 0, canvas.width, canvas.height);
  } else if (stroke.tool === "rectangle") {
    const last = stroke.points.at(-1);
    pen.fillRect(Math.min(first.x, last.x), Math.min(first.y, last.y), Math.abs(last.x - first.x), Math.abs(last.y - first.y));
  } else {
    pen.lineWidth = stroke.width;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(first.x, first.y);
    for (const point of rest) pen.lineTo(point.x, point.y);
    if (stroke.tool === "lasso") {
      pen.closePath();
      pen.fill();
    } else {
      pen.lineTo(stroke.points.at(-1).x + 0.01, stroke.points.at(-1).y);
      pen.stroke();
    }
  }
}

function paint() {
  pen.globalCompositeOperation = "source-over";
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (begun) pen.drawImage(begun, 0, 0);
  for (const stroke of strokes) draw(stroke);
  if (current) draw(current);
}

function refresh() {
  paint();
  at("undo").disabled = !strokes.length;
  at("redo").disabled = !undone.length;
  const ready = !busy && !current && marks();
  at("send").disabled = !ready;
  if (!at("say").classList.contains("wrong")) say(ready ? said("Pink is repainted. The rest stays as it is.") : said("Draw over what should change."));
}

function marks() {
  const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  for (let index = 3; index < data.length; index += 4) if (data[index] > 127) return true;
  return false;
}

function add(stroke) {
  strokes.push(stroke);
  undone = [];
  at("say").classList.remove("wrong");
  refresh();
}

function say(text, wrong = false) {
  at("say").textContent = text;
  at("say").classList.toggle("wrong", wrong);
}

function place() {
  stage.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  stage.style.setProperty("--hair", `${1 / view.scale}px`); // the frame stays thin
}

function fit() {
  const room = table.getBoundingClientRect();
  view.scale = Math.min(room.width / canvas.width, room.height / canvas.height) * 0.96;
  view.x = (room.width - canvas.width * view.scale) / 2;
  view.y = (room.height - canvas.height * view.scale) / 2;
  place();
}

function zoom(factor, x, y) {
  const scale = Math.min(40, Math.max(0.05, view.scale * factor));
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  place();
}

function middle(factor) {
  const room = table.getBoundingClientRect();
  zoom(factor, room.width / 2, room.height / 2);
}

function inside(event) {
  const room = table.getBoundingClientRect();
  return { x: event.clientX - room.left, y: event.clientY - room.top };
}

function onPicture(event) {
  const point = inside(event);
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

function brush() {
  return (Number(at("size").value) / 100) * Math.min(canvas.width, canvas.height) * 1.5;
}

table.addEventListener("pointerdown", (event) => {
  if (busy || !canvas.width) return;
  table.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, inside(event));
  if (fingers.size === 2) {
    current = null; // the first finger began a stroke before the second came
    pinch = spread();
    refresh();
  } else if (fingers.size === 1 && tool !== "move" && event.button === 0) {
    current = { tool, erase: erasing, width: brush(), points: [onPicture(event)] };
    paint();
  }
});

table.addEventListener("pointermove", (event) => {
  if (!fingers.has(event.pointerId)) return;
  const before = fingers.get(event.pointerId);
  const now = inside(event);
  fingers.set(event.pointerId, now);
  if (pinch && fingers.size === 2) {
    const after = spread();
    view.x += after.x - pinch.x;
    view.y += after.y - pinch.y;
    zoom(after.apart / pinch.apart, after.x, after.y);
    pinch = after;
  } else if (current) {
    for (const step of event.getCoalescedEvents?.() ?? [event]) current.points.push(onPicture(step));
    if (!event.getCoalescedEvents?.().length) current.points.push(onPicture(event));
    paint();
  } else if (!pinch) {
    view.x += now.x - before.x;
    view.y += now.y - before.y;
    place();
  }
});

function lift(event) {
  if (!fingers.delete(event.pointerId)) return;
  if (!fingers.size) pinch = null;
  if (!current) return;
  const stroke = current;
  current = null;
  if (event.type === "pointerup") add(stroke);
  else refresh();
}
table.addEventListener("pointerup", lift);
table.addEventListener("pointercancel", lift);

function spread() {
  const [one, other] = [...fingers.values()];
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)) };
}

table.addEventListener("wheel", (event) => {
  event.preventDefault();
  const point = inside(event);
  zoom(Math.exp(-event.deltaY / 500), point.x, point.y);
}, { passive: false });

function choose(name) {
  tool = name;
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-checked", String(button.dataset.tool === name));
  table.classList.toggle("moving", name === "move");
}

function undo() {
  if (strokes.length) undone.push(strokes.pop());
  refresh();
}

function redo() {
  if (undone.length) strokes.push(undone.pop());
  refresh();
}

function erase() {
  erasing = !erasing;
  at("erase").setAttribute("aria-pressed", String(erasing));
}

const whole = (name) => add({ tool: name, erase: false, width: 0, points: [] });
for (const button of document.querySelectorAll("[data-tool]")) button.onclick = () => choose(button.dataset.tool);
at("erase").onclick = erase;
at("undo").onclick = undo;
at("redo").onclick = redo;
at("invert").onclick = () => whole("invert");
at("clear").onclick = () => whole("clear");
at("in").onclick = () => middle(1.5);
at("out").onclick = () => middle(1 / 1.5);
at("fit").onclick = fit;
addEventListener("resize", () => canvas.width && fit());

const KEYS = {
  b: () => choose("brush"), l: () => choose("lasso"), r: () => choose("rectangle"), m: () => choose("move"),
  e: erase, i: () => whole("invert"), "+": () => middle(1.5), "=": () => middle(1.5), "-": () => middle(1 / 1.5), 0: fit,
};
addEventListener("keydown", (event) => {
  if (event.target.tagName === "TEXTAREA") return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() === "z") {
      event.preventDefault();
      (event.shiftKey ? redo : undo)();
    }
  } else if (ARROWS[event.key] && event.target === document.body) {
    event.preventDefault();
    at("frame").focus();
  } else if (KEYS[event.key.toLowerCase()]) KEYS[event.key.toLowerCase()]();
});

// by keyboard: the frame stands where it has the focus, and marks what a rectangle drawn there would
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function enclose() {
  const [left, top, right, bottom] = [frame.x, frame.y, frame.x + frame.wide, frame.y + frame.high].map((share) => Math.round(100 * share));
  Object.assign(at("frame").style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
  return { left, top, right, bottom };
}

function push([across, down], sizing) {
  const within = (least, value, most) => Math.min(most, Math.max(least, value));
  if (sizing) {
    frame.wide = within(STEP, frame.wide + across * STEP, 1 - frame.x);
    frame.high = within(STEP, frame.high + down * STEP, 1 - frame.y);
  } else {
    frame.x = within(0, frame.x + across * STEP, 1 - frame.wide);
    frame.y = within(0, frame.y + down * STEP, 1 - frame.high);
  }
  say(said("From {left}% to {right}% across, {top}% to {bottom}% down.", enclose()));
  const [edge, room] = [at("frame").getBoundingClientRect(), table.getBoundingClientRect()];
  if (edge.left < room.left || edge.right > room.right || edge.top < room.top || edge.bottom > room.bottom) fit();
}

at("frame").onfocus = () => say(said("Arrow keys move the frame, with Shift they size it. Enter marks what is in it."));
at("frame").onblur = () => canvas.width && refresh();
at("frame").onkeydown = (event) => {
  if (busy || !canvas.width || event.ctrlKey || event.metaKey || event.altKey) return;
  if (ARROWS[event.key]) push(ARROWS[event.key], event.shiftKey);
  else if (event.key === "Enter" || event.key === " ") {
    const [one, other] = [{ x: frame.x, y: frame.y }, { x: frame.x + frame.wide, y: frame.y + frame.high }];
    const points = [one, other].map((point) => ({ x: Math.round(point.x * canvas.width), y: Math.round(point.y * canvas.height) }));
    add({ tool: "rectangle", erase: erasing, width: 0, points });
  } else return;
  event.preventDefault();
};

function finished() {
  // white repaints: what is marked, on black
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [canvas.width, canvas.height];
  const ink = sheet.getContext("2d");
  ink.drawImage(canvas, 0, 0);
  ink.globalCompositeOperation = "source-in";
  ink.fillStyle = "white";
  ink.fillRect(0, 0, sheet.width, sheet.height);
  ink.globalCompositeOperation = "destination-over";
  ink.fillStyle = "black";
  ink.fillRect(0, 0, sheet.width, sheet.height);
  return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
}

at("send").onclick = async () => {
  busy = true;
  refresh();
  say(said("Sending…"));
  try {
    const answer = await fetch(here + spoken, {
      method: "POST",
      headers: { "Content-Type": "image/png", "X-Prompt": encodeURIComponent(at("prompt").value) },
      body: await finished(),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    document.body.classList.add("done");
    say(told.painting ? said("Sent. The result comes in Discord. You can close this page.") : said("Sent. Go back to Discord and press Repaint…"));
  } catch (error) {
    busy = false;
    refresh();
    say(error instanceof TypeError ? said("It could not be sent. Check your connection and try again.") : error.message, true);
  }
};

async function image(name) {
  const answer = await fetch(`${here}/${name}.png${spoken}`);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.blob();
}

try {
  const about = await (await fetch(`${here}/about${spoken}`)).json();
  if (about.error) throw new Error(about.error);
  paints = about.paints;
  at("prompt").value = about.prompt;
  if (!paints) {
    at("ask").hidden = at("prompt").hidden = true;
    at("send").textContent = said("Use this mask");
  }
  picture.src = URL.createObjectURL(await image("picture"));
  await picture.decode();
  [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
  stage.style.width = `${canvas.width}px`;
  stage.style.height = `${canvas.height}px`;
  const before = await createImageBitmap(await image("mask"));
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [canvas.width, canvas.height];
  const ink = sheet.getContext("2d");
  ink.drawImage(before, 0, 0);
  const pixels = ink.getImageData(0, 0, sheet.width, sheet.height);
  for (let index = 0; index < pixels.data.length; index += 4) {
    pixels.data[index + 3] = pixels.data[index];
    pixels.data[index] = 255;
    pixels.data[index + 1] = 64;
    pixels.data[index + 2] = 160;
  }
  ink.putImageData(pixels, 0, 0);
  begun = sheet;
  fit();
  enclose();
  refresh();
  document.documentElement.dataset.ready = "";
} catch (error) {
  say(error instanceof TypeError ? said("The picture could not be loaded. Load the page again.") : error.message, true);
}
