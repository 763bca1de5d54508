// Points on a picture: by a click, or with a crosshair that the arrow keys move. Coordinates are px of the whole picture.

import { announce, drawn, drawnText, say } from "./dom.js";

const NEAR_PX = 10; // of the screen

const isSet = (point) => Boolean(point) && point.x !== null;
const rounded = (value) => Math.round(value * 100) / 100;

export class Points {
  // host: { changed(value), selected(), names(), redraw() }
  constructor(host) {
    this.host = host;
    this.list = [];
    this.selected = 0;
    this.size = [1, 1];
    this.cross = null;
    this.drag = null;
  }

  show(value, size, isSame) {
    this.list = structuredClone(value ?? []);
    while (this.list.length < this.host.names().length) this.list.push({ x: null, y: null, visible: null });
    this.size = size;
    this.drag = null;
    if (!isSame) {
      this.cross = null;
      this.selected = this.firstUnset();
    }
  }

  settle() {}

  name(index) {
    return this.host.names()[index] ?? say("point", { number: index + 1 });
  }

  // The next point to set from a place on; behind the last one where points have no names.
  firstUnset(from = 0) {
    const count = this.list.length;
    for (let step = 0; step < count; step++) {
      if (!isSet(this.list[(from + step) % count])) return (from + step) % count;
    }
    return this.host.names().length ? Math.min(from, count - 1) : count;
  }

  save() {
    this.host.changed(structuredClone(this.list));
    this.host.redraw();
  }

  select(index) {
    this.selected = index;
    this.cross = null;
    announce(this.words(index));
    this.host.selected();
    this.host.redraw();
  }

  words(index) {
    const point = this.list[index];
    const where = isSet(point) ? say("moved_to", { x: Math.round(point.x), y: Math.round(point.y) }) : say("not_set");
    return `${this.name(index)}: ${where}${isSet(point) && point.visible === false ? `, ${say("hidden")}` : ""}`;
  }

  put(place) {
    const index = this.selected;
    const visible = isSet(this.list[index]) ? this.list[index].visible : true;
    this.list[index] = { x: rounded(place.x), y: rounded(place.y), visible };
    this.save();
    announce(this.words(index));
    this.selected = this.firstUnset(index + 1 < this.list.length ? index + 1 : this.list.length - 1);
    this.host.selected();
  }

  add() {
    const point = this.list[this.selected];
    this.cross = isSet(point) ? { x: point.x, y: point.y } : { x: this.size[0] / 2, y: this.size[1] / 2 };
    this.host.redraw();
  }

  remove() {
    if (!isSet(this.list[this.selected])) return;
    if (this.host.names().length) this.list[this.selected] = { x: null, y: null, visible: null };
    else this.list.splice(this.selected, 1);
    this.save();
    this.host.selected();
  }

  key(event) {
    const { cross } = this;
    if (event.key === "n") this.add();
    else if (event.key === "Tab") return this.cycle(event.shiftKey ? -1 : 1);
    else if (["Delete", "Backspace", "x"].includes(event.key)) this.remove();
    else if (event.key === "v") this.turn();
    else if (!cross) return false;
    else if (event.key === "Escape") this.cross = null;
    else if (event.key === "Enter") {
      this.cross = null;
      this.put(cross);
    } else if (event.key.startsWith("Arrow")) this.nudge(event);
    else return false;
    this.host.redraw();
    return true;
  }

  cycle(step) {
    const next = this.selected + step;
    if (next < 0 || next >= this.list.length) return false;
    this.select(next);
    return true;
  }

  turn() {
    const point = this.list[this.selected];
    if (!isSet(point)) return;
    point.visible = point.visible === false;
    this.save();
    announce(this.words(this.selected));
    this.host.selected();
  }

  nudge(event) {
    const length = event.ctrlKey ? 1 : Math.max(1, Math.round(Math.max(...this.size) / 100));
    const dx = { ArrowLeft: -length, ArrowRight: length }[event.key] ?? 0;
    const dy = { ArrowUp: -length, ArrowDown: length }[event.key] ?? 0;
    this.cross = this.inside({ x: this.cross.x + dx, y: this.cross.y + dy });
    announce(say("moved_to", { x: Math.round(this.cross.x), y: Math.round(this.cross.y) }));
  }

  inside({ x, y }) {
    return { x: Math.min(Math.max(x, 0), this.size[0]), y: Math.min(Math.max(y, 0), this.size[1]) };
  }

  press(point, target, event, scale) {
    const near = this.list.findIndex((other) => isSet(other) && Math.hypot(other.x - point.x, other.y - point.y) * scale < NEAR_PX);
    if (near < 0) this.put(this.inside(point));
    else {
      this.selected = near;
      this.drag = { index: near, isReal: false };
      this.host.selected();
      this.host.redraw();
    }
  }

  pull(point) {
    if (!this.drag) return;
    this.drag.isReal = true;
    const { x, y } = this.inside(point);
    Object.assign(this.list[this.drag.index], { x: rounded(x), y: rounded(y) });
    this.host.redraw();
  }

  release() {
    if (this.drag?.isReal) this.save();
    this.drag = null;
  }

  draw(overlay, scale) {
    this.list.forEach((point, index) => {
      if (!isSet(point)) return;
      const state = `${index === this.selected ? " selected" : ""}${point.visible === false ? " hidden-point" : ""}`;
      const words = drawnText(this.name(index), { x: point.x + 8 / scale, y: point.y - 6 / scale, "font-size": 13 / scale, class: "words" });
      overlay.append(drawn("circle", { cx: point.x, cy: point.y, r: 6 / scale, class: `point c${index % 8}${state}` }), words);
    });
    if (!this.cross) return;
    const { x, y } = this.cross;
    for (const kind of ["casing", "cross"]) {
      overlay.append(drawn("path", { d: `M0 ${y}H${this.size[0]}M${x} 0V${this.size[1]}`, class: kind }));
    }
  }
}
