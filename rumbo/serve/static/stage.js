// The place where one example is looked at: its picture with what is drawn on it, its text or its sound.

import { at } from "./dom.js";

const LARGEST_ZOOM = 12;

export class Stage {
  // marks: a tool that draws (boxes or points), or null. pictures: where blobs come from.
  constructor(marks, pictures) {
    this.marks = marks;
    this.pictures = pictures;
    this.size = null;
    this.scale = 1;
    this.turn = 0;
    this.isReady = false; // what is on the screen is the current example
    new ResizeObserver(() => this.fit()).observe(at("stage"));
    const overlay = at("overlay");
    overlay.addEventListener("pointerdown", (event) => this.press(event));
    overlay.addEventListener("pointermove", (event) => this.marks?.pull(this.point(event), this.scale));
    overlay.addEventListener("pointerup", () => this.marks?.release());
    overlay.addEventListener("pointercancel", () => this.marks?.release());
  }

  // Show an example; a later call wins over one whose picture is still on its way.
  async show(whole, kind) {
    const turn = ++this.turn;
    this.isReady = false;
    at("overlay").replaceChildren();
    this.size = whole.size;
    at("passage").hidden = whole.text === null;
    at("passage").textContent = whole.text ?? "";
    at("sound").hidden = kind !== "audio";
    if (kind === "audio") at("sound").src = `/api/items/${whole.key}/sound`;
    this.problem(whole.problem);
    const hasPicture = kind === "picture" && whole.problem === null;
    if (!hasPicture) at("frame").hidden = true;
    else {
      try {
        const source = await this.pictures.get(whole.key);
        if (turn !== this.turn) return;
        at("picture").src = source;
        await at("picture").decode().catch(() => {});
        if (turn !== this.turn) return;
        at("frame").hidden = false;
      } catch (problem) {
        if (turn !== this.turn) return;
        at("frame").hidden = true;
        this.problem(problem.message);
      }
    }
    this.isReady = true;
    this.fit();
    at("stage").dataset.shown = whole.key;
  }

  problem(sentence) {
    at("problem").hidden = !sentence;
    at("problem").textContent = sentence ?? "";
  }

  fit() {
    if (!this.size) return;
    const [width, height] = this.size;
    const { clientWidth, clientHeight } = at("stage");
    this.scale = Math.max(0.001, Math.min((clientWidth - 24) / width, (clientHeight - 24) / height, LARGEST_ZOOM));
    at("frame").style.width = `${width * this.scale}px`;
    at("frame").style.height = `${height * this.scale}px`;
    at("picture").classList.toggle("pixels", this.scale > 3);
    at("overlay").setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.draw();
  }

  draw() {
    const overlay = at("overlay");
    overlay.replaceChildren();
    if (this.size && this.isReady) this.marks?.draw(overlay, this.scale);
  }

  point(event) {
    const { left, top } = at("overlay").getBoundingClientRect();
    return { x: (event.clientX - left) / this.scale, y: (event.clientY - top) / this.scale };
  }

  press(event) {
    if (!this.marks || !this.isReady || event.button !== 0) return;
    event.preventDefault();
    at("stage").focus();
    at("overlay").setPointerCapture(event.pointerId);
    this.marks.press(this.point(event), event.target, event, this.scale);
  }
}
