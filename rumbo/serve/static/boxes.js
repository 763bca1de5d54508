// Boxes on a picture: drawn, moved and resized by mouse or by keys. Coordinates are px of the whole picture.

import { announce, drawn, drawnText, say } from "./dom.js";

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const CLICK_PX = 4; // of the screen: less is a click, no drag
const SETTLE_MS = 400; // a row of key presses is one change

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const rounded = (value) => Math.round(value * 100) / 100;

export class Boxes {
  // host: { changed(value), selected(), currentClass(), needClass(), colour(name), redraw() }
  constructor(host) {
    this.host = host;
    this.list = [];
    this.selected = -1;
    this.size = [1, 1];
    this.drag = null;
    this.timer = 0;
    this.isDirty = false;
  }

  show(value, size) {
    clearTimeout(this.timer);
    this.isDirty = false;
    this.list = structuredClone(value ?? []);
    this.size = size;
    this.drag = null;
    if (this.selected >= this.list.length) this.selected = -1;
  }

  // Save what is not saved yet.
  settle() {
    clearTimeout(this.timer);
    if (!this.isDirty) return;
    this.isDirty = false;
    this.host.changed(structuredClone(this.list));
  }

  touch(isSoon = false) {
    this.isDirty = true;
    clearTimeout(this.timer);
    if (isSoon) this.timer = setTimeout(() => this.settle(), SETTLE_MS);
    else this.settle();
    this.host.redraw();
  }

  select(index) {
    if (index !== this.selected) this.settle();
    this.selected = index;
    const box = this.list[index];
    if (box) announce(this.words(index));
    this.host.selected();
    this.host.redraw();
  }

  words(index) {
    const { class: name, x1, y1, x2, y2 } = this.list[index];
    return say("box_at", { number: index + 1, name, width: Math.round(x2 - x1), height: Math.round(y2 - y1) });
  }

  setClass(name) {
    if (!this.list[this.selected]) return false;
    this.list[this.selected].class = name;
    this.touch();
    return true;
  }

  // A new box in the middle, a third of the picture wide and high.
  add() {
    if (!this.host.currentClass()) return this.host.needClass();
    const [width, height] = this.size;
    this.list.push({
      class: this.host.currentClass(),
      x1: rounded(width / 3), y1: rounded(height / 3), x2: rounded((2 * width) / 3), y2: rounded((2 * height) / 3),
    });
    this.select(this.list.length - 1);
    this.touch();
  }

  remove() {
    if (!this.list[this.selected]) return;
    this.list.splice(this.selected, 1);
    this.selected = -1;
    this.touch();
    this.host.selected();
  }

  // A key; true when it was for a box.
  key(event) {
    const box = this.list[this.selected];
    if (event.key === "n") this.add();
    else if (event.key === "Tab") return this.cycle(event.shiftKey ? -1 : 1);
    else if (!box) return false;
    else if (event.key === "Enter" || event.key === "Escape") this.select(-1);
    else if (["Delete", "Backspace", "x"].includes(event.key)) this.remove();
    else if (event.key.startsWith("Arrow")) this.nudge(box, event);
    else return false;
    return true;
  }

  // Behind the last box (before the first) the focus goes on to the rest of the page.
  cycle(step) {
    const next = this.selected < 0 ? (step > 0 ? 0 : this.list.length - 1) : this.selected + step;
    const isThere = next >= 0 && next < this.list.length;
    this.select(isThere ? next : -1);
    return isThere;
  }

  nudge(box, event) {
    const length = event.ctrlKey ? 1 : Math.max(1, Math.round(Math.max(...this.size) / 100));
    const dx = { ArrowLeft: -length, ArrowRight: length }[event.key] ?? 0;
    const dy = { ArrowUp: -length, ArrowDown: length }[event.key] ?? 0;
    if (event.shiftKey) this.place(box, box.x1, box.y1, Math.max(box.x1 + 1, box.x2 + dx), Math.max(box.y1 + 1, box.y2 + dy));
    else this.move(box, box, dx, dy);
    this.touch(true);
  }

  move(box, from, dx, dy) {
    const [width, height] = this.size;
    dx = clamp(dx, -from.x1, width - from.x2);
    dy = clamp(dy, -from.y1, height - from.y2);
    this.place(box, from.x1 + dx, from.y1 + dy, from.x2 + dx, from.y2 + dy);
  }

  // Set the corners; an outline that no longer fits is let go.
  place(box, x1, y1, x2, y2) {
    const [width, height] = this.size;
    [x1, x2] = [x1, x2].map((x) => rounded(clamp(x, 0, width))).sort((a, b) => a - b);
    [y1, y2] = [y1, y2].map((y) => rounded(clamp(y, 0, height))).sort((a, b) => a - b);
    if (x2 - x1 < 1 || y2 - y1 < 1) return;
    Object.assign(box, { x1, y1, x2, y2 });
    delete box.polygons;
  }

  press(point, target, event) {
    const index = Number(target.dataset.box ?? -1);
    const handle = target.dataset.handle;
    const mode = handle ? "resize" : index >= 0 && index === this.selected && !event.shiftKey ? "move" : "draw";
    this.drag = { mode, handle, index, start: point, isReal: false, from: { ...this.list[this.selected] } };
  }

  pull(point, scale) {
    const { drag } = this;
    if (!drag) return;
    const dx = point.x - drag.start.x, dy = point.y - drag.start.y;
    if (!drag.isReal && Math.hypot(dx, dy) * scale < CLICK_PX) return;
    if (!drag.isReal && drag.mode === "draw") {
      if (!this.host.currentClass()) {
        this.drag = null;
        return this.host.needClass();
      }
      this.settle();
      this.list.push({ class: this.host.currentClass(), x1: drag.start.x, y1: drag.start.y, x2: drag.start.x, y2: drag.start.y });
      this.selected = this.list.length - 1;
    }
    drag.isReal = true;
    const box = this.list[this.selected];
    if (drag.mode === "draw") this.place(box, drag.start.x, drag.start.y, point.x, point.y);
    else if (drag.mode === "move") this.move(box, drag.from, dx, dy);
    else this.place(box, ...resized(drag.from, drag.handle, dx, dy));
    this.isDirty = true;
    this.host.redraw();
  }

  release() {
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    const box = this.list[this.selected];
    if (drag.isReal && box && box.x2 - box.x1 >= 1 && box.y2 - box.y1 >= 1) {
      this.host.selected();
      this.touch();
    } else if (drag.isReal && drag.mode === "draw") {
      this.list.pop();
      this.isDirty = false;
      this.select(-1);
    } else if (!drag.isReal && drag.mode === "draw") {
      this.select(drag.index);
    }
  }

  // The large ones below, so that a small one can be clicked; the selected one on top.
  draw(overlay, scale) {
    const area = ({ x1, y1, x2, y2 }) => (x2 - x1) * (y2 - y1);
    const order = this.list.map((_, index) => index).sort((a, b) => area(this.list[b]) - area(this.list[a]));
    for (const index of order.filter((other) => other !== this.selected)) this.drawBox(overlay, index, scale);
    if (this.list[this.selected]) {
      this.drawBox(overlay, this.selected, scale);
      for (const handle of HANDLES) this.drawHandle(overlay, this.list[this.selected], handle, scale);
    }
  }

  drawBox(overlay, index, scale) {
    const { class: name, x1, y1, x2, y2 } = this.list[index];
    const place = { x: x1, y: y1, width: Math.max(0, x2 - x1), height: Math.max(0, y2 - y1) };
    const isSelected = index === this.selected;
    overlay.append(drawn("rect", { ...place, class: "casing" }));
    const box = drawn("rect", { ...place, class: `box ${this.host.colour(name)}${isSelected ? " selected" : ""}` });
    box.dataset.box = index;
    const words = drawnText(name, { x: x1 + 4 / scale, y: y1 < 18 / scale ? y1 + 14 / scale : y1 - 5 / scale, "font-size": 13 / scale, class: "words" });
    overlay.append(box, words);
  }

  drawHandle(overlay, box, handle, scale) {
    const side = 10 / scale;
    const x = handle.includes("w") ? box.x1 : handle.includes("e") ? box.x2 : (box.x1 + box.x2) / 2;
    const y = handle.includes("n") ? box.y1 : handle.includes("s") ? box.y2 : (box.y1 + box.y2) / 2;
    const node = drawn("rect", { x: x - side / 2, y: y - side / 2, width: side, height: side, class: `handle ${handle}` });
    node.dataset.handle = handle;
    overlay.append(node);
  }
}

// Corners after a handle was pulled; pulled through the other side, the box turns over.
function resized(from, handle, dx, dy) {
  return [
    from.x1 + (handle.includes("w") ? dx : 0), from.y1 + (handle.includes("n") ? dy : 0),
    from.x2 + (handle.includes("e") ? dx : 0), from.y2 + (handle.includes("s") ? dy : 0),
  ];
}
