// The gallery: a page of small pictures at a time, one large with its recipe. Asks no other host.

import { said } from "./words.js";

const at = (id) => document.getElementById(id);
const AT_ONCE = 4; // small pictures that are fetched at the same time
const GAP = 75; // milliseconds between two of them: a key may read twenty times a second

let page = null; // as the server told it
let shown = []; // every picture of the page: {job, number}
let open = -1; // which of them is large
let waiting = []; // small pictures still to fetch
let running = 0;
let turn = 0; // counts pages, so that what belongs to an old one is dropped
let urls = [];

async function ask(path, options = {}) {
  for (;;) {
    const answer = await fetch(path, options);
    if (answer.status !== 429 || options.method) return answer;
    const seconds = Number(answer.headers.get("Retry-After")) || 1;
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  }
}

function enter(sentence = "") {
  at("viewer").close();
  at("inside").hidden = true;
  at("entry").hidden = false;
  at("wrong").textContent = sentence;
  at("key").value = "";
  at("key").focus();
}

async function sentence(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return said("The server does not answer as it should. Try again in a moment.");
  }
}

// ---- small pictures ---------------------------------------------------------------------------------------

async function fetchSmall() {
  if (running >= AT_ONCE || !waiting.length) return;
  const { img, path, of } = waiting.shift();
  running += 1;
  setTimeout(fetchSmall, GAP);
  try {
    const answer = await ask(path);
    if (answer.ok && of === turn) {
      const url = URL.createObjectURL(await answer.blob());
      urls.push(url);
      img.src = url;
      await img.decode();
      img.classList.add("here");
    }
  } catch { /* a picture that cannot be had stays empty */ }
  running -= 1;
  fetchSmall();
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    seen.unobserve(entry.target);
    const img = entry.target.firstChild;
    waiting.push({ img, path: img.dataset.path, of: turn });
    fetchSmall();
  }
}, { rootMargin: "200px" });

function show() {
  turn += 1;
  waiting = [];
  seen.disconnect();
  urls.splice(0).forEach((url) => URL.revokeObjectURL(url));
  shown = page.jobs.flatMap((job) => job.lines.map((_, cell) => ({ job, number: cell + 1 })));
  at("pictures").replaceChildren(...shown.map(({ job, number }, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = job.prompt;
    button.setAttribute("aria-label", said("Picture {number} of: {prompt}", { number, prompt: job.prompt }));
    const img = document.createElement("img");
    img.alt = "";
    img.dataset.path = `/gallery/pictures/${job.id}/${number}/small.webp`;
    button.append(img);
    button.addEventListener("click", () => view(index));
    seen.observe(button);
    return button;
  }));
  at("say").textContent = shown.length ? "" : said("There are no pictures yet. What your program draws will be here.");
  at("name").textContent = page.name;
  at("newer").disabled = at("first").disabled = !page.newer;
  at("older").disabled = !page.older;
  at("entry").hidden = true;
  at("inside").hidden = false;
}

async function load(query = "", remember = true) {
  let answer;
  try {
    answer = await ask(`/gallery/jobs${query}`);
  } catch {
    at("say").textContent = said("The server cannot be reached. Try again in a moment.");
    return false;
  }
  if (answer.status === 401) return enter(page ? await sentence(answer) : "");
  if (answer.status === 404 && query) return load("", remember); // that job was deleted
  if (!answer.ok) {
    at("inside").hidden = false;
    at("say").textContent = await sentence(answer);
    return false;
  }
  const found = await answer.json();
  if (!found.jobs.length && query) return load("", remember);
  page = found;
  if (remember) history.pushState(null, "", `/gallery${query}`);
  scrollTo(0, 0);
  show();
  return true;
}

const older = () => load(`?after=${page.jobs.at(-1).id}`);
const newer = () => load(`?before=${page.jobs[0].id}`);

// ---- one picture ------------------------------------------------------------------------------------------

async function enlarge(path, index) {
  const of = turn;
  const answer = await ask(path).catch(() => null);
  if (open !== index || of !== turn) return;
  if (!answer?.ok) {
    at("copied").textContent = answer ? await sentence(answer) : said("The server cannot be reached. Try again in a moment.");
    return;
  }
  const url = URL.createObjectURL(await answer.blob());
  urls.push(url);
  if (open !== index) return;
  at("large").src = url;
  at("large").classList.remove("small");
}

function view(index) {
  open = index;
  const { job, number } = shown[index];
  const large = at("large");
  const path = `/gallery/pictures/${job.id}/${number}/full.png`;
  const small = at("pictures").children[index].firstChild;
  large.classList.toggle("small", Boolean(small.src));
  if (small.src) large.src = small.src;
  else large.removeAttribute("src");
  large.alt = job.prompt;
  enlarge(path, index);
  at("prompt").textContent = job.prompt;
  at("line").hidden = !job.lines[number - 1];
  at("open").href = path;
  at("copied").textContent = "";
  const seed = job.seeds[number - 1];
  const facts = [...job.facts];
  if (seed !== undefined) facts.unshift([said("Seed"), String(seed)]);
  facts.push([said("Drawn"), new Date(1000 * job.created_at).toLocaleString()]);
  facts.push([said("Job"), said("{job}, picture {number}", { job: job.id, number })]);
  at("facts").replaceChildren(...facts.flatMap(([name, value]) => {
    const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    detail.textContent = value;
    return [term, detail];
  }));
  at("back").disabled = index === 0 && !page.newer;
  at("on").disabled = index === shown.length - 1 && !page.older;
  if (!at("viewer").open) at("viewer").showModal();
}

async function step(by) {
  const next = open + by;
  if (next >= 0 && next < shown.length) return view(next);
  if (by > 0 ? page.older : page.newer) {
    if (await (by > 0 ? older() : newer())) view(by > 0 ? 0 : shown.length - 1);
  }
}

async function copy(text, told) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no clipboard without https: the old way
    const area = document.createElement("textarea");
    area.value = text;
    at("viewer").append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  at("copied").textContent = told;
}

// ---- what people do ---------------------------------------------------------------------------------------

at("entry").addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = at("key").value.trim();
  at("wrong").textContent = "";
  if (!/^[\x21-\x7e]+$/.test(key)) return enter(said("A key has no spaces and no letters but those of ASCII."));
  try {
    const answer = await ask("/gallery/session", { method: "POST", headers: { Authorization: `Bearer ${key}` } });
    if (!answer.ok) return enter(await sentence(answer));
  } catch {
    return enter(said("The server cannot be reached. Try again in a moment."));
  }
  at("key").value = "";
  await load(location.search, false);
});
at("leave").addEventListener("click", async () => {
  await ask("/gallery/session", { method: "DELETE" });
  page = null;
  enter();
});
at("older").addEventListener("click", older);
at("newer").addEventListener("click", newer);
at("first").addEventListener("click", () => load());
at("back").addEventListener("click", () => step(-1));
at("on").addEventListener("click", () => step(1));
at("close").addEventListener("click", () => at("viewer").close());
at("prompt").addEventListener("click", () => copy(shown[open].job.prompt, said("The prompt is copied.")));
at("line").addEventListener("click", () => copy(shown[open].job.lines[shown[open].number - 1], said("The line is copied.")));
at("viewer").addEventListener("close", () => {
  at("large").removeAttribute("src");
  at("pictures").children[open]?.focus();
  open = -1;
});
addEventListener("popstate", () => load(location.search, false));

function move(by) { // between small pictures, by arrow keys
  const all = [...at("pictures").children];
  const here = all.indexOf(document.activeElement);
  all[Math.min(all.length - 1, Math.max(0, here + (here < 0 ? 1 : by)))]?.focus();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
  const columns = getComputedStyle(at("pictures")).gridTemplateColumns.split(" ").length;
  const viewing = at("viewer").open;
  const keys = viewing
    ? { ArrowLeft: () => step(-1), ArrowRight: () => step(1), c: () => at("prompt").click() }
    : {
      ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => move(-columns), ArrowDown: () => move(columns),
      PageDown: () => at("older").click(), PageUp: () => at("newer").click(), Home: () => at("first").click(),
    };
  if (at("inside").hidden || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

let began = null; // where a finger touched
at("viewer").addEventListener("touchstart", (event) => {
  began = event.touches.length === 1 && event.target.closest("figure") ? event.touches[0].clientX : null;
}, { passive: true });
at("viewer").addEventListener("touchend", (event) => {
  const by = began === null ? 0 : event.changedTouches[0].clientX - began;
  if (Math.abs(by) > 60) step(by > 0 ? -1 : 1);
});

await load(location.search, false);
document.documentElement.dataset.ready = "";
