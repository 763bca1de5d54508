// The column beside the example: classes with their keys, boxes or points, tags.

import { at, fill, leave, make, say } from "./dom.js";

// Keys that stand for classes: digits, then the letters that no command has.
export const CLASS_KEYS = [..."1234567890abdefhilmopqrswy"];

export class Panel {
  // host: { choose(name), tag(names), select(index), marks }
  constructor(host) {
    this.host = host;
    at("class-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = at("class-input").value.trim();
      at("class-input").value = "";
      leave(at("class-input"));
      if (name) host.choose(name);
    });
    at("tag-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const tag = at("tag-input").value.trim();
      at("tag-input").value = "";
      if (!tag) leave(at("tag-input"));
      else if (!this.tags.includes(tag)) host.tag([...this.tags, tag]);
    });
    for (const id of ["class-input", "tag-input"]) {
      at(id).addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        at(id).value = "";
        leave(at(id));
      });
    }
    this.tags = [];
  }

  // choices: names with keys; chosen: those in force; numbers: how many examples have each.
  showChoices(choices, chosen, colour) {
    at("no-class").hidden = choices.length > 0;
    at("classes").replaceChildren(
      ...choices.map((name, index) => {
        const key = CLASS_KEYS[index];
        const parts = [make("kbd", { text: key ?? "" }), make("span", { class: "choice-name", text: name })];
        const isChosen = chosen.includes(name);
        const button = make("button", { type: "button", class: `choice ${colour(name)}`, "aria-pressed": String(isChosen), click: () => this.host.choose(name) }, ...parts);
        if (key) button.setAttribute("aria-keyshortcuts", key);
        return button;
      }),
    );
    at("class-names").replaceChildren(...choices.map((value) => make("option", { value })));
  }

  showTags(tags, known) {
    this.tags = tags;
    at("tags").replaceChildren(
      ...tags.map((tag) =>
        make(
          "span",
          { class: "tag" },
          make("span", { text: tag }),
          make("button", { type: "button", text: "×", "aria-label": say("remove_tag", { tag }), click: () => this.host.tag(tags.filter((other) => other !== tag)) }),
        ),
      ),
    );
    at("tag-names").replaceChildren(...known.map((value) => make("option", { value })));
  }

  // The boxes or points of the example, as buttons that select.
  showMarks(marks, note) {
    at("marks-note").textContent = note;
    at("marks-note").hidden = !note;
    at("marks").replaceChildren(
      ...marks.list.map((_, index) =>
        make(
          "li",
          {},
          make("button", { type: "button", "aria-pressed": String(index === marks.selected), text: marks.words(index), click: () => this.host.select(index) }),
        ),
      ),
    );
    at("delete").disabled = !marks.list[marks.selected];
  }

  showFilters(store) {
    fill(at("of-class"), [["", say("any_class")], ...store.classes.map((name) => [name, name])]);
    fill(at("of-tag"), [["", say("any_tag")], ...store.tags.map((tag) => [tag, tag])]);
  }
}
