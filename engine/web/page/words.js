// Sentences in the reader's language; a page in English brings none.

const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");

export function said(sentence, fields = {}) {
  return (words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => fields[name]);
}
