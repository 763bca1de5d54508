// The label page: what is shown, what keys and buttons do. Words, examples and saving come from the program.

import { Boxes } from "./boxes.js";
import { announce, at, fill, leave, say, useTexts } from "./dom.js";
import { Grid } from "./grid.js";
import { fillHelp } from "./help.js";
import { CLASS_KEYS, Panel } from "./panel.js";
import { Points } from "./points.js";
import { Pictures, post, read, Saves } from "./server.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";

const start = await read("/api/start");
useTexts(start.texts);

const saves = new Saves(showSaving, accept);
const store = new Store(start, (key) => read(`/api/items/${key}`), (key, field, value) => saves.add(key, field, value));
const pictures = new Pictures();
const panel = new Panel({ choose, tag: (tags) => change("tags", tags), select: (index) => { marks.select(index); at("stage").focus(); } });
const marks = makeMarks();
const stage = new Stage(marks, pictures);
const grid = new Grid(store, start.kind, (place) => { setView(false); go(place); }, showPosition);

let place = 0; // in store.shown
let whole = null; // all of the current example
let currentClass = start.classes[0] ?? ""; // of the next box
let isGrid = false;

function makeMarks() {
  const host = {
    changed: (value) => change("label", value),
    selected: () => showPanel(),
    redraw: () => stage.draw(),
    currentClass: () => currentClass,
    names: () => start.classes,
    colour,
    needClass() {
      announce(say("choose_class"));
      at("class-input").focus();
    },
  };
  return { boxes: () => new Boxes(host), points: () => new Points(host) }[start.tool]?.() ?? null;
}

function colour(name) {
  return `c${Math.max(0, choices().indexOf(name)) % 8}`;
}

// What the class keys stand for: tags, where tags are what is set.
function choices() {
  if (start.tool === "points") return [];
  return start.tool === "tags" ? [...new Set([...store.tags, ...start.classes])] : store.classes;
}

const index = () => store.shown[place];

// ---- changes

async function change(field, value) {
  const of = index();
  if (of === undefined) return;
  await store.change(of, field, value);
  changed(of);
}

// Show what a change of an example has changed on the page.
function changed(of) {
  if (of === index()) whole = store.wholes.get(of);
  showProgress();
  showPanel();
  if (isGrid) grid.refresh(of);
}

function choose(name) {
  if (start.tool === "boxes") {
    if (!store.classes.includes(name)) store.classes.push(name);
    currentClass = name;
    marks.setClass(name);
    showPanel();
  } else if (start.tool === "tags") {
    const tags = whole?.tags ?? [];
    change("tags", tags.includes(name) ? tags.filter((tag) => tag !== name) : [...tags, name]);
  } else if (start.tool === "classes") setClass(name);
}

async function setClass(name) {
  const of = isGrid ? store.shown[grid.place] : index();
  if (of === undefined) return;
  await store.change(of, "label", name);
  changed(of);
  announce(say("label_of", { name: store.items[of].name, label: name }));
  if (!at("advance").checked) return;
  if (isGrid) grid.focus(grid.place + 1);
  else await go(place + 1);
}

async function confirm() {
  marks?.settle();
  if (whole && whole.label === null && start.tool !== "classes") await change("label", []);
  await go(place + 1);
}

async function step(way) {
  marks?.settle();
  const of = store[way]();
  if (of === null) return;
  if (!store.shown.includes(of)) {
    for (const id of ["show", "of-class", "of-tag", "search"]) at(id).value = id === "show" ? "all" : "";
    store.filter(filters());
  }
  changed(of);
  if (isGrid) grid.focus(store.shown.indexOf(of));
  else await go(store.shown.indexOf(of), { isSame: of === index() });
}

// ---- saving

function showSaving(state, problem) {
  at("save").textContent = state === "failed" ? say("save_failed", { problem: problem.status ? problem.message : say("lost") }) : say(state);
  at("save").dataset.state = state;
  at("retry").hidden = saves.isEmpty || state !== "failed";
}

// The program kept a change, or refused one as no value of its field.
async function accept(answer, hasMore, refused) {
  const of = store.items.findIndex((item) => item.key === (refused?.key ?? answer.item.key));
  if (hasMore) return;
  if (answer) {
    for (const name of answer.classes) if (!store.classes.includes(name)) store.classes.push(name);
    store.accept(of, answer.item);
    if (of === index()) whole = answer.item;
    return;
  }
  store.accept(of, await read(`/api/items/${refused.key}`));
  changed(of);
  if (of === index() && !isGrid) await go(place);
}

// ---- what is shown

async function go(to, { isSame = false } = {}) {
  marks?.settle();
  if (!store.shown.length) return showNothing();
  if (to >= store.shown.length || to < 0) return announce(say("position", { position: place + 1, count: store.shown.length }));
  place = to;
  const of = index();
  const found = await store.whole(of);
  if (of !== index()) return; // gone on meanwhile
  whole = found;
  if (marks && !isSame) marks.selected = -1;
  marks?.show(whole.label, whole.size ?? [1, 1], isSame);
  at("item-name").textContent = whole.name;
  at("item-name").dataset.key = whole.key;
  showPanel();
  showProgress();
  for (const near of [place + 1, place - 1, place + 2]) prefetch(near);
  await stage.show(whole, start.kind);
}

function prefetch(near) {
  const of = store.shown[near];
  if (of === undefined) return;
  store.whole(of).catch(() => {});
  if (start.kind === "picture") pictures.get(store.items[of].key).catch(() => {});
}

function showNothing() {
  whole = null;
  at("nothing").hidden = false;
  at("one").hidden = true;
  at("grid").hidden = true;
  showProgress();
}

function showProgress() {
  const labelled = store.numLabelled, items = store.items.length;
  at("progress").textContent = say("progress", { labelled, items });
  at("meter").max = items;
  at("meter").value = labelled;
  showPosition(isGrid ? grid.place : place);
  at("undo").disabled = !store.done.length;
  at("redo").disabled = !store.undone.length;
}

function showPosition(current) {
  at("position").textContent = store.shown.length ? say("position", { position: current + 1, count: store.shown.length }) : "";
}

function showPanel() {
  if (!whole) return;
  const chosen = { boxes: [marks?.list?.[marks.selected]?.class ?? currentClass], tags: whole.tags ?? [], classes: [whole.label] };
  panel.showChoices(choices(), chosen[start.tool] ?? [], colour);
  panel.showTags(whole.tags ?? [], store.tags);
  if (marks) panel.showMarks(marks, note());
}

function note() {
  if (start.tool !== "boxes" || marks.list.length) return "";
  return say(whole.label === null ? "no_boxes" : "confirmed_empty");
}

function setView(wantsGrid) {
  marks?.settle();
  isGrid = wantsGrid;
  at("one").hidden = isGrid;
  at("grid").hidden = !isGrid;
  at("view").textContent = say(isGrid ? "one" : "grid");
  if (isGrid) {
    grid.show(place);
    grid.focus(place);
  } else at("stage").focus();
}

function filters() {
  return { show: at("show").value, ofClass: at("of-class").value, ofTag: at("of-tag").value, search: at("search").value };
}

async function refilter() {
  marks?.settle();
  const before = index();
  store.filter(filters());
  at("nothing").hidden = true;
  place = Math.max(0, store.shown.indexOf(before));
  if (!store.shown.length) return showNothing();
  at("one").hidden = isGrid;
  at("grid").hidden = !isGrid;
  if (isGrid) grid.show(place);
  await go(place);
}

async function goUnlabelled() {
  marks?.settle();
  const to = store.nextUnlabelled(isGrid ? grid.place : place);
  if (to < 0) return announce((at("save").textContent = say("all_labelled")));
  if (isGrid) grid.focus(to);
  else await go(to);
}

// ---- keys

const KEYS = {
  "?": () => at("help").showModal(),
  "/": () => at("search").focus(),
  c: () => at("class-input").focus(),
  t: () => at("tag-input").focus(),
  u: goUnlabelled,
  z: () => step("undo"),
  Z: () => step("redo"),
  g: () => (isGrid ? leaveGrid() : setView(true)),
  j: () => go(place + 1),
  k: () => go(place - 1),
  " ": (event) => go(place + (event.shiftKey ? -1 : 1)),
  ArrowRight: () => go(place + 1),
  ArrowLeft: () => go(place - 1),
  Enter: confirm,
};

function leaveGrid() {
  const to = grid.place;
  setView(false);
  go(to);
}

function isTyping(target) {
  return target.matches("input:not([type=checkbox]), select, textarea, audio");
}

document.addEventListener("keydown", (event) => {
  if (at("help").open || event.altKey || event.metaKey) return;
  if (isTyping(event.target)) return;
  // Letters mean the same with the lock of capitals on.
  const key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
  const { shiftKey, ctrlKey, target, repeat } = event;
  if (handled({ key, shiftKey, ctrlKey, target, repeat })) event.preventDefault();
});

function handled(event) {
  const { key, target } = event;
  if (event.ctrlKey && !key.startsWith("Arrow")) {
    if (key.toLowerCase() !== "z" && key !== "y") return false;
    step(key === "z" ? "undo" : "redo");
    return true;
  }
  const isButton = target.matches("button, summary, [type=checkbox], #passage");
  if (isButton && ["Enter", " "].includes(key)) return false;
  if (key === "Tab" && target !== at("stage")) return false;
  if (isGrid && grid.key(event)) return true;
  if (!isGrid && whole && stage.isReady && marks?.key(event)) {
    showPanel();
    return true;
  }
  const name = choices()[CLASS_KEYS.indexOf(key)];
  if (CLASS_KEYS.includes(key) && name !== undefined) {
    // A key held down, or pressed before the example is there, labels nothing unseen.
    if (!event.repeat && (isGrid || stage.isReady)) choose(name);
    return true;
  }
  if (!(key in KEYS) || (isGrid && [" ", "Enter"].includes(key))) return false;
  KEYS[key](event);
  return true;
}

// ---- buttons

const BUTTONS = {
  undo: () => step("undo"),
  redo: () => step("redo"),
  view: KEYS.g,
  "help-open": KEYS["?"],
  previous: () => (isGrid ? grid.focus(grid.place - 1) : go(place - 1)),
  next: () => (isGrid ? grid.focus(grid.place + 1) : go(place + 1)),
  "next-unlabelled": goUnlabelled,
  "new-box": () => marks.add(),
  delete: () => marks.remove(),
  retry: () => saves.go(),
  export: exportNow,
};
for (const [id, act] of Object.entries(BUTTONS)) {
  at(id).addEventListener("click", (event) => {
    act(event);
    if (event.detail > 0 && !["help-open", "view"].includes(id) && !isGrid && document.activeElement === at(id)) at("stage").focus();
  });
}

async function exportNow() {
  marks?.settle();
  try {
    const { path } = await post("/api/export", { to: at("export-to").value });
    at("save").textContent = say("exported", { path });
    at("save").dataset.state = "saved";
  } catch (problem) {
    at("save").textContent = problem.message;
    at("save").dataset.state = "failed";
  }
}

at("filters").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["show", "of-class", "of-tag"]) at(id).addEventListener("change", refilter);
for (const id of ["of-class", "of-tag"]) {
  for (const moment of ["focus", "pointerdown"]) at(id).addEventListener(moment, () => panel.showFilters(store));
}
at("search").addEventListener("input", refilter);
at("search").addEventListener("keydown", (event) => ["Enter", "Escape"].includes(event.key) && leave(at("search")));
window.addEventListener("beforeunload", (event) => {
  marks?.settle();
  if (!saves.isEmpty) event.preventDefault();
});

// ---- begin

document.title = `${start.name} · Rumbo`;
at("name").textContent = start.name;
at("saved-in").textContent = say("saved_in", { path: start.out });
fill(at("export-to"), start.exports.map((format) => [format, format === "folder" ? format : format.toUpperCase()]));
at("export").parentElement.hidden = !start.exports.length;
at("classes-part").hidden = start.tool === "points";
at("class-form").hidden = start.tool === "tags";
at("advance-field").hidden = start.tool !== "classes";
at("of-class-field").hidden = !["classes", "boxes"].includes(start.tool);
at("marks-part").hidden = marks === null;
at("new-box").hidden = start.tool !== "boxes";
at("marks-title").textContent = say(start.tool);
if (start.tool === "tags") at("classes-part").querySelector("h2").textContent = say("tags");
fillHelp(start.tool);
panel.showFilters(store);
document.body.dataset.tool = start.tool;
await go(Math.max(0, store.nextUnlabelled(-1)));
at("stage").focus();
document.body.dataset.ready = "yes";
