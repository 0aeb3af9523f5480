"use strict";
const text = document.getElementById("text");
const differences = document.getElementById("differences");
const kinds = [...document.querySelectorAll("input[name=kind]")];
const groups = [...document.querySelectorAll("tbody")];

function show() {
  const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = new Set(kinds.filter((box) => box.checked).map((box) => box.value));
  let shown = 0;
  for (const group of groups) {
    let any = false;
    for (const row of group.querySelectorAll("tr.check")) {
      const found = row.dataset.kinds.split(" ");
      const content = row.textContent.toLowerCase();
      row.hidden = !(
        found.some((kind) => wanted.has(kind)) &&
        words.every((word) => content.includes(word)) &&
        (!differences.checked || new Set(found).size > 1)
      );
      any ||= !row.hidden;
      shown += !row.hidden;
    }
    group.hidden = !any;
  }
  document.getElementById("shown").textContent = `${shown} shown`;
  document.getElementById("none").hidden = shown > 0;
}

document.getElementById("filters").addEventListener("input", show);
document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
show();
