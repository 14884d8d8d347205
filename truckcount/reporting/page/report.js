"use strict";
// Says what a cell holds, under the pointer or the finger. Nothing is fetched.
const LEFT = 34, HEAD = 5, CELL_HEIGHT = 7;
const tip = document.getElementById("tip");

for (const figure of document.querySelectorAll("figure[data-cells]")) {
  const svg = figure.querySelector(".heat");
  const cells = JSON.parse(figure.dataset.cells);
  const days = cells.n.split(";").map((day) => day.split(","));
  const first = new Date(`${cells.from}T00:00:00Z`);
  const show = (event) => {
    const box = svg.getBoundingClientRect();
    const view = svg.viewBox.baseVal;
    const scale = view.width / box.width;
    const x = (event.clientX - box.left) * scale - LEFT;
    const day = Math.floor(x / ((view.width - LEFT) / days.length));
    const hour = Math.floor(((event.clientY - box.top) * scale - HEAD) / CELL_HEIGHT);
    if (!(day >= 0 && day < days.length && hour >= 0 && hour < 24)) { tip.hidden = true; return; }
    const date = new Date(first.getTime() + day * 86400000);
    const name = date.toLocaleDateString("en-GB",
      { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
    const count = days[day][hour];
    const code = cells.min.charCodeAt(24 * day + hour);
    const minutes = code === 32 ? null : code - 48;
    const what = minutes === null ? "no row" : count === "" ? "not watched"
      : `${count} truck${count === "1" ? "" : "s"}${minutes < 60 ? `, ${minutes} min watched` : ""}`;
    tip.textContent = `${name} ${String(hour).padStart(2, "0")}:00 · ${what}`;
    tip.hidden = false;
    const wide = tip.offsetWidth;
    tip.style.left = `${Math.min(Math.max(8, event.clientX - wide / 2), innerWidth - wide - 8)}px`;
    tip.style.top = `${event.clientY - tip.offsetHeight - 14}px`;
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
}
addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
