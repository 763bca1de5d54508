// The overview: small pictures in pages, one of them current.

import { at, make, say } from "./dom.js";

const CARDS = 60;

export class Grid {
  // store: all examples. open: shows the example at a place of `shown`. moved: another place is current.
  constructor(store, kind, open, moved) {
    this.moved = moved;
    this.store = store;
    this.kind = kind;
    this.open = open;
    at("page-previous").addEventListener("click", () => this.show(Math.max(0, (this.page - 1) * CARDS)));
    at("page-next").addEventListener("click", () => this.show((this.page + 1) * CARDS));
    this.page = 0;
    this.place = 0;
  }

  show(place) {
    const { shown } = this.store;
    const pages = Math.max(1, Math.ceil(shown.length / CARDS));
    this.place = Math.min(Math.max(0, place), Math.max(0, shown.length - 1));
    this.page = Math.floor(this.place / CARDS);
    const first = this.page * CARDS;
    at("cards").replaceChildren(...shown.slice(first, first + CARDS).map((index, card) => this.card(index, first + card)));
    at("page").textContent = say("page", { page: this.page + 1, pages });
    at("page-previous").disabled = this.page === 0;
    at("page-next").disabled = this.page + 1 >= pages;
    at("cards").parentElement.querySelector(".pages").hidden = pages === 1;
  }

  card(index, place) {
    const item = this.store.items[index];
    const parts = [make("span", { class: "card-name", text: item.name.split("/").pop() })];
    if (this.kind === "picture") parts.unshift(make("img", { src: `/api/items/${item.key}/thumbnail`, alt: "", loading: "lazy" }));
    const words = [...item.classes, ...item.tags.map((tag) => `#${tag}`)].join(", ");
    parts.push(make("span", { class: item.labelled ? "card-label" : "card-label none", text: words || (item.labelled ? "✓" : "–") }));
    const card = make("button", { type: "button", class: "card", title: item.name, click: () => this.open(place) }, ...parts);
    card.dataset.place = place;
    card.addEventListener("focus", () => this.moved((this.place = place)));
    return card;
  }

  refresh(index) {
    const place = this.store.shown.indexOf(index);
    const old = at("cards").querySelector(`[data-place="${place}"]`);
    if (!old) return;
    const hasFocus = old === document.activeElement;
    const card = this.card(index, place);
    old.replaceWith(card);
    if (hasFocus) card.focus();
  }

  focus(place) {
    if (place < 0 || place >= this.store.shown.length) return;
    if (Math.floor(place / CARDS) !== this.page) this.show(place);
    at("cards").querySelector(`[data-place="${place}"]`)?.focus();
  }

  // Arrow keys; true when it was one.
  key(event) {
    const columns = getComputedStyle(at("cards")).gridTemplateColumns.split(" ").length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, j: 1, k: -1 }[event.key];
    if (!step) return false;
    const hasFocus = at("cards").contains(document.activeElement);
    this.focus(hasFocus ? this.place + step : this.place);
    return true;
  }
}
