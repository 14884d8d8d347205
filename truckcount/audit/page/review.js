"use strict";
// One clip after another; an answer is on disk before the next clip is shown.

const $ = (id) => document.getElementById(id);
const SPEEDS = [0.5, 1, 2, 4, 8];
const RULES = {
  in: ["Count trucks going IN", "Those that move along the arrow through the outline."],
  out: ["Count trucks going OUT", "Those that move along the arrow through the outline."],
  any: ["Count the trucks", "Each truck that enters the outline, whichever way it goes."],
};
const video = $("video");
let state = { items: [] };
let current = null;
let count = null;
let isTyping = false;
let speed = 1;
let isBusy = false;
const later = new Set();

async function ask(place, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const reply = await fetch(place, options);
  const value = reply.headers.get("Content-Type").includes("json") ? await reply.json() : {};
  if (!reply.ok) throw new Error(value.error || `the program said ${reply.status}`);
  return value;
}

function note(text) { $("note").textContent = text; }

function setCount(value) {
  count = value === null ? null : Math.min(Math.max(value, 0), 9999);
  $("count").textContent = count === null ? "–" : count;
  note("");
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function draw(item) {
  const overlay = $("overlay");
  overlay.replaceChildren();
  const make = (name, traits) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(traits)) part.setAttribute(key, value);
    overlay.append(part);
  };
  if (!item || !item.polygon) return; // the last clip may load after the last answer
  const points = item.polygon.map(([x, y]) => [1000 * x, 1000 * y]);
  make("polygon", { points: points.map((p) => p.join(",")).join(" ") });
  if (!item.arrow) return;
  const mid = [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
  const wide = video.videoWidth || 16, high = video.videoHeight || 9;
  const long = Math.hypot(item.arrow[0] * wide, item.arrow[1] * high) || 1;
  const along = [item.arrow[0] * wide / long, item.arrow[1] * high / long];
  // lengths in pixels of the picture, then back to thousandths of its sides
  const place = (a, b) => [
    mid[0] + 1000 * (a * along[0] - b * along[1]) * 0.16 * high / wide,
    mid[1] + 1000 * (a * along[1] + b * along[0]) * 0.16,
  ].join(",");
  make("path", { d: `M${place(-1, 0)} L${place(1, 0)} M${place(0.6, 0.3)} L${place(1, 0)} L${place(0.6, -0.3)}` });
}

function show(clip) {
  const left = state.items.filter((i) => i.count === null);
  const next = clip || (left.find((i) => !later.has(i.clip)) || left[0] || {}).clip;
  current = state.items.find((i) => i.clip === next) || null;
  const done = state.items.length - left.length;
  $("n-done").textContent = done;
  $("n-all").textContent = state.items.length;
  $("fill").style.width = `${100 * done / Math.max(state.items.length, 1)}%`;
  document.querySelector(".bar").setAttribute("aria-valuemax", state.items.length);
  document.querySelector(".bar").setAttribute("aria-valuenow", done);
  $("labeller").textContent = state.labeller;
  $("round").textContent = state.round > 1 ? `round ${state.round}` : "";
  $("undo").disabled = $("undo-last").disabled = !state.can_undo;
  document.querySelector("main").hidden = current === null;
  $("finish").hidden = current !== null;
  if (current === null) { video.pause(); return; }
  const [task, rule] = RULES[current.direction] || RULES.any;
  $("task").textContent = task;
  $("rule").textContent = `${current.polygon ? rule : "Each truck that comes into view."} ` +
    "One that is already there at the start does not count.";
  isTyping = false;
  setCount(null);
  video.src = `clip/${current.clip}`;
  video.load();
  draw(current);
}

function startOf() { return current ? current.lead_s : 0; }
function endOf() { return current ? current.lead_s + current.length_s : 0; }

function seekTo(seconds) {
  video.currentTime = Math.min(Math.max(seconds, startOf()), endOf());
  tick();
}

function tick() {
  if (!current) return;
  const at = Math.min(Math.max(video.currentTime - startOf(), 0), current.length_s);
  $("played").style.width = `${100 * at / current.length_s}%`;
  $("time").textContent = `${clock(at)} / ${clock(current.length_s)}`;
  if (video.currentTime >= endOf() && !video.paused) video.pause();
}

function toggle() {
  if (!video.paused) { video.pause(); return; }
  if (video.currentTime >= endOf() - 0.05 || video.ended) seekTo(startOf());
  video.playbackRate = speed;
  video.play().catch(() => note("This browser cannot play the clip; cut it with --reencode."));
}

function setSpeed(value) {
  speed = value;
  video.playbackRate = value;
  for (const button of $("speeds").children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === value));
  }
}

async function save() {
  if (!current || isBusy) return;
  if (count === null) { note("Press 0 if you saw no truck."); return; }
  isBusy = true;
  try {
    state = await ask("answer", { clip: current.clip, count });
    later.delete(current.clip);
    show();
  } catch (error) {
    note(`Not saved: ${error.message}`);
  } finally { isBusy = false; }
}

async function undo() {
  if (isBusy || !state.can_undo) return;
  isBusy = true;
  try {
    state = await ask("undo", {});
    show(state.clip);
    note("Taken back.");
  } catch (error) {
    note(`Not taken back: ${error.message}`);
  } finally { isBusy = false; }
}

function skip() {
  if (!current) return;
  later.add(current.clip);
  if (state.items.every((i) => i.count !== null || later.has(i.clip))) {
    later.clear();
    later.add(current.clip);
  }
  show();
}

function add(step) { isTyping = false; setCount((count === null ? 0 : count) + step); }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key;
  const pace = SPEEDS.indexOf(speed);
  const actions = {
    "+": () => add(1), "=": () => add(1), "-": () => add(-1),
    " ": toggle, Enter: save, u: undo, l: skip,
    ArrowLeft: () => seekTo(video.currentTime - (event.shiftKey ? 1 : 5)),
    ArrowRight: () => seekTo(video.currentTime + (event.shiftKey ? 1 : 5)),
    ArrowUp: () => setSpeed(SPEEDS[Math.min(pace + 1, SPEEDS.length - 1)]),
    ArrowDown: () => setSpeed(SPEEDS[Math.max(pace - 1, 0)]),
    g: () => document.body.classList.toggle("off"),
    Backspace: () => setCount(count === null || count < 10 ? null : Math.floor(count / 10)),
  };
  if (/^[0-9]$/.test(key)) {
    setCount(isTyping && count !== null ? 10 * count + Number(key) : Number(key));
    isTyping = true;
  } else if (actions[key] || actions[key.toLowerCase()]) {
    if (event.repeat && (key === "Enter" || key.toLowerCase() === "u")) return;
    (actions[key] || actions[key.toLowerCase()])();
  } else { return; }
  event.preventDefault();
});

for (const value of SPEEDS) {
  const button = document.createElement("button");
  button.dataset.speed = value;
  button.textContent = `${value}×`;
  button.addEventListener("click", () => { setSpeed(value); button.blur(); });
  $("speeds").append(button);
}
setSpeed(1);
for (const [id, action] of [["plus", () => add(1)], ["minus", () => add(-1)], ["save", save],
  ["undo", undo], ["undo-last", undo], ["skip", skip], ["screen", toggle]]) {
  $(id).addEventListener("click", (event) => { event.currentTarget.blur(); action(); });
}
$("seek").addEventListener("click", (event) => {
  const box = $("seek").getBoundingClientRect();
  seekTo(startOf() + (event.clientX - box.left) / box.width * (endOf() - startOf()));
});
video.addEventListener("loadedmetadata", () => {
  $("screen").style.setProperty("--ratio", video.videoWidth / video.videoHeight || 1.78);
  draw(current);
  seekTo(startOf());
});
video.addEventListener("timeupdate", tick);
video.addEventListener("play", () => document.body.classList.add("playing"));
video.addEventListener("pause", () => document.body.classList.remove("playing"));
video.addEventListener("error", () => note("This clip cannot be played; cut it with --reencode."));
ask("state").then((value) => { state = value; show(); }, (error) => note(error.message));
