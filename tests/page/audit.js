// Looks over the page as it stands: contrast by the WCAG formula, names, ids; returns what is wrong.
() => {
  const luminance = ([r, g, b]) => {
    const part = (value) => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const parse = (text) => { const found = text.match(/[\d.]+/g).map(Number); return found.length === 3 ? [...found, 1] : found; };
  const over = (top, below) => [0, 1, 2].map((index) => top[index] * top[3] + below[index] * (1 - top[3]));
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      layers.push(parse(style.backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const trouble = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility({opacityProperty: true, visibilityProperty: true}) || node.closest(":disabled, .spoiler")) continue;
    const back = ground(node);
    if (!back) continue;
    const style = getComputedStyle(node);
    const front = over(parse(style.color), back);
    const [light, dark] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) trouble.push(`${text.data.trim().slice(0, 40)} (${node.className}): ${ratio.toFixed(2)}`);
  }
  for (const node of document.querySelectorAll("button, a[href], input:not([hidden]), textarea, [role=button]")) {
    if (!node.checkVisibility()) continue;
    const named = node.getAttribute("aria-label") || node.getAttribute("aria-hidden") || node.textContent.trim() || node.labels?.length;
    if (!named) trouble.push(`no name: ${node.outerHTML.slice(0, 120)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) trouble.push(`twice: #${id}`);
  for (const node of document.querySelectorAll("[aria-labelledby], [aria-controls]")) {
    for (const id of `${node.getAttribute("aria-labelledby") ?? ""} ${node.getAttribute("aria-controls") ?? ""}`.trim().split(/\s+/)) {
      if (!document.getElementById(id)) trouble.push(`points nowhere: ${id}`);
    }
  }
  for (const image of document.querySelectorAll(".messages img")) if (!image.alt) trouble.push("a picture without words");
  return trouble;
}
