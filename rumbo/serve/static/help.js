// The list of keys.

import { at, make, say } from "./dom.js";

const EVERYWHERE = [
  ["1 2 … a b …", "key_class"],
  ["c", "key_new_class"],
  ["space → j", "key_next"],
  ["← k", "key_previous"],
  ["u", "key_next_unlabelled"],
  ["Enter", "key_confirm"],
  ["t", "key_tag"],
  ["z Z", "key_undo"],
  ["g", "key_grid"],
  ["/", "key_search"],
  ["?", "key_help"],
];
const OF_TOOL = {
  boxes: [
    ["n", "key_box_new"],
    ["Tab ⇧Tab", "key_box_next"],
    ["arrows", "key_box_move"],
    ["⇧arrows", "key_box_size"],
    ["Enter", "key_box_done"],
    ["x Delete", "key_delete"],
    ["mouse", "key_box_mouse"],
  ],
  points: [
    ["n", "key_point_start"],
    ["arrows", "key_point_move"],
    ["Enter", "key_point_set"],
    ["Tab ⇧Tab", "key_point_next"],
    ["v", "key_point_visible"],
    ["x Delete", "key_delete"],
    ["mouse", "key_point_mouse"],
  ],
};

export function fillHelp(tool) {
  const parts = [table("keys_everywhere", EVERYWHERE)];
  if (tool in OF_TOOL) parts.push(table(`keys_${tool}`, OF_TOOL[tool]));
  at("help-keys").replaceChildren(...parts);
}

function table(title, rows) {
  const words = (key) => (["space", "mouse"].includes(key) ? say(key) : key.replace("arrows", say("arrows")));
  const body = rows.flatMap(([keys, meaning]) => [
    make("dt", {}, ...keys.split(" ").map((key) => (key === "…" ? make("span", { text: key }) : make("kbd", { text: words(key) })))),
    make("dd", { text: say(meaning) }),
  ]);
  return make("section", {}, make("h3", { text: say(title) }), make("dl", {}, ...body));
}
