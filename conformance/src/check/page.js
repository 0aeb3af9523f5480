"use strict";
const text = document.getElementById("text");
const differences = document.getElementById("differences");
const kinds = [...document.querySelectorAll("input[name=kind]")];
const groups = [...document.querySelectorAll("tbody")];
const checks = new Map(
  [...document.querySelectorAll("tr.check")].map((row) => [row.dataset.name, row.querySelector("details")]),
);

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

// The address tells what is shown, so that a view can be linked to; no element has such an id, since
// browsers would scroll there:
// #kinds=fail,crash&text=size-zero&differing&check=allocation/size-zero
function fromAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const wanted = address.get("kinds")?.split(",");
  for (const box of kinds) {
    box.checked = wanted?.includes(box.value) ?? true;
  }
  text.value = address.get("text") ?? "";
  differences.checked = address.has("differing");
  show();
  const details = checks.get(address.get("check"));
  if (details) {
    details.open = true;
    details.scrollIntoView({ block: "center" });
  }
}

function toAddress() {
  const parts = [];
  const chosen = kinds.filter((box) => box.checked).map((box) => box.value);
  if (chosen.length < kinds.length) {
    parts.push(`kinds=${chosen.join(",")}`);
  }
  if (text.value) {
    parts.push(`text=${encodeURIComponent(text.value)}`);
  }
  if (differences.checked) {
    parts.push("differing");
  }
  const open = [...checks].filter(([, details]) => details.open).map(([name]) => name);
  if (open.length === 1) {
    parts.push(`check=${open[0]}`);
  }
  history.replaceState(null, "", `#${parts.join("&")}`);
}

const filters = document.getElementById("filters");
filters.addEventListener("input", () => {
  show();
  toAddress();
});
filters.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", fromAddress);
fromAddress();
for (const details of checks.values()) {
  details.addEventListener("toggle", toAddress);
}
