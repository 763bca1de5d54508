"use strict";
const form = document.querySelector("form");
const items = [...document.querySelectorAll("[data-row]")];
let isSaved = true;

function answer(item) {
  const chosen = item.querySelector("input:checked");
  return chosen === null ? "" : chosen.value;
}

function count() {
  const done = items.filter((item) => answer(item) !== "").length;
  document.querySelector("output").textContent = done + " / " + items.length;
}

function cell(value) {
  const text = String(value);
  const guarded = /^[=+\-@\t\r\n]/.test(text) ? "'" + text : text;
  return '"' + guarded.replaceAll('"', '""') + '"';
}

function line(item) {
  const row = JSON.parse(item.dataset.row);
  row.verdict = answer(item);
  row.correct = row.verdict === "yes" ? JSON.parse(item.querySelector("select").selectedOptions[0].dataset.value) : "";
  return JSON.parse(form.dataset.columns).map((name) => cell(row[name])).join(",");
}

form.addEventListener("change", (event) => {
  if (event.target.tagName === "SELECT") {
    event.target.closest("[data-row]").querySelector("input[value=yes]").checked = true;
  }
  isSaved = false;
  count();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const header = JSON.parse(form.dataset.columns).map(cell).join(",");
  const text = [header, ...items.map(line)].join("\n") + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "review.csv";
  link.click();
  isSaved = true;
});

window.addEventListener("beforeunload", (event) => {
  if (!isSaved) {
    event.preventDefault();
  }
});
count();
