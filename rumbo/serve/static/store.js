// What is known of all examples, which of them are shown, and every change with its way back.

export class Store {
  // start: the answer of /api/start. load: fetches one example. save: hands a change on.
  constructor(start, load, save) {
    this.tool = start.tool;
    this.items = start.items;
    this.classes = start.classes;
    this.shown = this.items.map((_, index) => index);
    this.wholes = new Map();
    this.load = load;
    this.save = save;
    this.done = [];
    this.undone = [];
  }

  // All of one example: { label, tags, size, text, problem }.
  async whole(index) {
    if (!this.wholes.has(index)) {
      const found = await this.load(this.items[index].key);
      if (!this.wholes.has(index)) this.wholes.set(index, found); // a change may have come first
    }
    return this.wholes.get(index);
  }

  get numLabelled() {
    return this.items.reduce((count, item) => count + item.labelled, 0);
  }

  get tags() {
    return [...new Set(this.items.flatMap((item) => item.tags))].sort();
  }

  // Filter by state, class, tag and a part of the name. The list stays as it is until the next call.
  filter({ show, ofClass, ofTag, search }) {
    const wanted = search.trim().toLowerCase();
    this.shown = this.items.flatMap((item, index) => {
      const fits =
        (show === "all" || item.labelled === (show === "labelled")) &&
        (!ofClass || item.classes.includes(ofClass)) &&
        (!ofTag || item.tags.includes(ofTag)) &&
        (!wanted || item.name.toLowerCase().includes(wanted));
      return fits ? [index] : [];
    });
  }

  // The place in `shown` of the next example without a label, from a place on and around the end; -1 if there is none.
  nextUnlabelled(place) {
    const count = this.shown.length;
    for (let step = 1; step <= count; step++) {
      const at = (place + step) % count;
      if (!this.items[this.shown[at]].labelled) return at;
    }
    return -1;
  }

  // Set a value, for the field "label" or "tags".
  async change(index, field, value) {
    const before = (await this.whole(index))[field];
    if (JSON.stringify(before) === JSON.stringify(value)) return;
    this.done.push({ index, field, before, after: value });
    this.undone = [];
    this.apply(index, field, value);
  }

  // Take back the last change, or make the last one taken back again; the example it was made on.
  step(from, to, side) {
    const change = from.pop();
    if (!change) return null;
    to.push(change);
    this.apply(change.index, change.field, change[side]);
    return change.index;
  }

  undo() {
    return this.step(this.done, this.undone, "before");
  }

  redo() {
    return this.step(this.undone, this.done, "after");
  }

  apply(index, field, value) {
    const whole = this.wholes.get(index);
    whole[field] = value;
    if (this.tool === "tags") whole.label = whole.tags = value;
    this.summarize(index);
    for (const name of this.items[index].classes) if (name && !this.classes.includes(name)) this.classes.push(name);
    this.save(this.items[index].key, field, value);
  }

  // What the program says about an example after a change.
  accept(index, whole) {
    this.wholes.set(index, whole);
    this.summarize(index);
  }

  summarize(index) {
    const { label, tags } = this.wholes.get(index);
    const item = this.items[index];
    if (this.tool === "boxes") item.classes = [...new Set((label ?? []).map((box) => box.class))];
    else if (this.tool === "classes") item.classes = label === null ? [] : [label];
    item.tags = tags ?? [];
    item.labelled = label !== null;
  }
}
