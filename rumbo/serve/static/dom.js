// Small hands for the page: words, elements. Text goes in as text only; there is no other way in here.

let texts = {};

export const at = (id) => document.getElementById(id);

export function useTexts(given) {
  texts = given;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of document.querySelectorAll("[data-hint]")) node.placeholder = say(node.dataset.hint);
}

// The words for a key, with {named} values filled in.
export function say(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

// Control and direction marks as escapes: a name must not look like another one.
export function shown(text) {
  return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu, escaped);
}

function escaped(letter) {
  return `\\u${letter.codePointAt(0).toString(16).padStart(4, "0")}`;
}

// From a field back to the example.
export function leave(field) {
  field.blur();
  at("stage").focus();
}

// An element with attributes, properties (text, on...) and children.
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = shown(value);
    else if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

export function drawn(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// Choices of a <select>, keeping what is chosen where it is still there. Pairs of value and words.
export function fill(select, pairs) {
  const chosen = select.value;
  select.replaceChildren(...pairs.map(([value, words]) => make("option", { value, text: words })));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

// A word on the picture.
export function drawnText(text, attributes) {
  const node = drawn("text", attributes);
  node.textContent = shown(text);
  return node;
}

// Words for those who cannot see the change.
export function announce(words) {
  at("said").textContent = words;
}
