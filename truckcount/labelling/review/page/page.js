// Keys and clicks to answers; every answer goes to the server at once, in order.

import { BoxCanvas } from "./canvas.js";

const $ = (id) => document.getElementById(id);
const NAMES = { truck: "Truck", no_truck: "No truck", skip: "Skipped" };
const state = { labels: [], index: 0, item: null, isBlind: false, classes: [], canUndo: false };
const pictures = new Map(); // index -> promise of an image; a few neighbours only
let queue = Promise.resolve(); // answers, one after the other
let pending = 0;
const unsaved = new Map(); // index -> answers on their way
let shown = 0; // counts moves, so that a slow picture does not replace a later one

const canvas = new BoxCanvas($("picture"), ({ edited }) => {
  if (edited) boxesChanged();
  showBoxes();
});

async function ask(path, value) {
  const options = value === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? response.statusText);
  return answer;
}

/** Send after all that was sent before; say so where it fails. */
function send(path, value) {
  pending += 1;
  document.body.dataset.saving = "yes";
  $("saved").textContent = "saving";
  const sent = queue.then(() => ask(path, value));
  queue = sent.then(() => {
    pending -= 1;
    if (pending === 0) {
      document.body.dataset.saving = "no";
      $("saved").textContent = "saved";
    }
  }, (error) => {
    pending -= 1;
    document.body.dataset.saving = "failed";
    $("saved").textContent = "not saved";
    const isGone = error instanceof TypeError;
    toast(isGone ? "Not saved: the server has stopped. Start `label review` again." : `Not saved: ${error.message}`, true);
  });
  return sent;
}

function loadPicture(index) {
  if (!pictures.has(index)) {
    const image = new Image();
    image.src = `picture/${index}`;
    pictures.set(index, image.decode().then(() => image));
  }
  return pictures.get(index);
}

async function go(index) {
  if (index < 0 || index >= state.labels.length) return;
  state.index = index;
  state.item = null;
  shown += 1;
  const mine = shown;
  try {
    if (unsaved.get(index)) await queue; // or one would read what was before
    const [item, image] = await Promise.all([ask(`api/item/${index}`), loadPicture(index)]);
    if (mine !== shown) return;
    state.item = item;
    canvas.show(image, item.width, item.height, item.boxes, item.hint?.boxes ?? []);
    $("toast").hidden = true;
    showItem();
  } catch (error) {
    if (mine !== shown) return;
    pictures.delete(index);
    showNothing();
    toast(`Picture ${index + 1} cannot be shown (${error.message}): → goes on, \`truckcount label check\` tells what is gone.`, true);
  }
  for (const k of pictures.keys()) if (Math.abs(k - index) > 4) pictures.delete(k);
  for (const k of [nextOpen(index), index + 1]) {
    if (k !== null && k < state.labels.length) loadPicture(k).catch(() => pictures.delete(k));
  }
}

/** The next picture without an answer after an index, from the start again at the end. */
function nextOpen(index) {
  const n = state.labels.length;
  for (let k = 1; k <= n; k += 1) {
    const i = (index + k) % n;
    if (state.labels[i] === null) return i;
  }
  return null;
}

function save(label) {
  const index = state.index;
  state.labels[index] = label;
  state.item.label = label;
  const boxes = canvas.boxes.map(({ x1, y1, x2, y2, ...rest }) => ({ class: rest.class, x1, y1, x2, y2 }));
  unsaved.set(index, (unsaved.get(index) ?? 0) + 1);
  const sent = send(`api/answer/${index}`, { label, boxes });
  const landed = () => unsaved.set(index, unsaved.get(index) - 1);
  sent.then(landed, landed);
  return sent.then((answer) => {
    state.canUndo = answer.can_undo;
    showProgress();
  }, () => {
    state.labels[index] = null;
    go(index);
  });
}

function answer(label) {
  if (!state.item) return; // the picture is not there yet: a key must not answer it unseen
  delete state.item.before;
  if (label !== "truck") canvas.boxes = canvas.boxes.filter((b) => b.class !== "truck");
  const from = state.index;
  save(label);
  setBoxMode(false);
  showProgress();
  const open = nextOpen(from);
  if (open !== null) go(open);
  else if (from + 1 < state.labels.length) go(from + 1);
  else showItem();
  if (open === null) toast(`All ${state.labels.length} pictures are labelled.`);
}

/** A drawn truck is an answer, too: it says that there is one, until it is a bus. */
function boxesChanged() {
  const { item } = state;
  if (!item) return;
  const hasTruck = canvas.boxes.some((b) => b.class === "truck");
  if (hasTruck) {
    if (item.label !== "truck") item.before = item.label;
    save("truck");
  } else if ("before" in item) {
    save(item.before); // what the person said, or nothing yet
    delete item.before;
  } else if (item.label) save(item.label);
  showItem();
}

async function undo() {
  const back = await send("api/undo", {}).catch(() => null);
  if (!back) return;
  state.canUndo = back.can_undo;
  if (back.index === null) {
    toast("Nothing to undo in this session.");
    return;
  }
  state.labels[back.index] = back.label;
  await go(back.index);
}

function takeHints() {
  const hints = state.item?.hint?.boxes ?? [];
  if (!hints.length) return;
  canvas.boxes.push(...hints.map(({ score, ...box }) => ({ ...box })));
  canvas.hints = [];
  canvas.selected = -1;
  canvas.draw();
  boxesChanged();
  showBoxes();
}

function setBoxMode(isOn) {
  canvas.isBoxMode = isOn;
  document.body.dataset.boxMode = isOn ? "yes" : "no";
  $("mode").hidden = !isOn;
  $("box-mode").setAttribute("aria-pressed", isOn);
  canvas.draw();
}

function setClass(kind) {
  const box = canvas.boxes[canvas.selected];
  if (!box || !kind || box.class === kind) return;
  box.class = kind;
  canvas.draw();
  boxesChanged();
  showBoxes();
}

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function showItem() {
  const { item } = state;
  $("place").textContent = item.image.split("/").pop();
  const time = item.source_t_s === null ? "" : `${item.source_t_s.toFixed(1)} s`;
  const facts = [
    ["Camera", item.camera], ["Day", item.day], ["Light", item.light],
    ["From", item.source.split("/").pop()], ["At", time], ["Size", `${item.width} × ${item.height} px`],
    ["Picture", `${item.index + 1} of ${state.labels.length}`],
  ];
  $("facts").replaceChildren(...facts.filter(([, v]) => v).flatMap(
    ([name, value]) => [element("dt", name), element("dd", value, { title: value })],
  ));
  const said = item.hint?.said ?? [];
  $("hint-block").hidden = !item.hint;
  $("take").hidden = !item.hint?.boxes.length;
  $("hints").replaceChildren(...said.map((s) => {
    const line = element("li", "");
    const share = s.p_truck === null ? s.label : s.p_truck.toFixed(2);
    line.append(element("span", s.labeller.split("@sha256:")[0], { title: s.labeller }), element("span", share));
    const meter = element("span", "", { class: "meter" });
    const fill = element("i", "");
    fill.style.width = `${100 * (s.p_truck ?? 0)}%`;
    meter.append(fill);
    line.append(meter);
    return line;
  }));
  $("verdict").hidden = !item.label;
  $("verdict").className = `verdict ${item.label}`;
  $("verdict").textContent = NAMES[item.label] ?? "";
  for (const label of Object.keys(NAMES)) {
    $(`answer-${label}`).setAttribute("aria-pressed", item.label === label);
  }
  document.body.dataset.index = item.index;
  showBoxes();
  showProgress();
}

/** Of a picture that is gone: else the last one would be taken for it. */
function showNothing() {
  canvas.show(null, 1, 1, [], []);
  for (const id of ["place", "facts", "hints"]) $(id).replaceChildren();
  $("hint-block").hidden = true;
  $("verdict").hidden = true;
  showBoxes();
  showProgress();
}

function showBoxes() {
  $("boxes").replaceChildren(...canvas.boxes.map((box, i) => {
    const line = element("li", "", { "aria-selected": i === canvas.selected });
    const size = `${Math.round(box.x2 - box.x1)} × ${Math.round(box.y2 - box.y1)}`;
    line.append(element("span", box.class), element("span", size));
    line.addEventListener("click", () => canvas.select(i));
    return line;
  }));
  $("no-boxes").hidden = canvas.boxes.length > 0;
  const chosen = canvas.boxes[canvas.selected];
  $("classes").replaceChildren(...(chosen ? state.classes : []).map((kind, i) => {
    const button = element("button", `${i + 1} ${kind}`, { "aria-pressed": kind === chosen.class });
    button.addEventListener("click", () => setClass(kind));
    return button;
  }));
}

function showProgress() {
  const n = state.labels.length;
  const done = state.labels.reduce((sum, label) => sum + (label !== null), 0);
  $("count").textContent = `${done} of ${n}`;
  $("bar").style.width = `${(100 * done) / n}%`;
  $("undo").disabled = !state.canUndo;
  drawStrip();
}

/** One thin line for the whole set: what is answered, what is open, where one is. */
function drawStrip() {
  const strip = $("strip");
  const ratio = window.devicePixelRatio || 1;
  const width = (strip.width = Math.round(strip.clientWidth * ratio));
  const height = (strip.height = Math.round(strip.clientHeight * ratio));
  const ctx = strip.getContext("2d");
  const probe = $("verdict");
  const style = getComputedStyle(document.documentElement);
  const colour = {};
  const before = probe.className;
  for (const label of Object.keys(NAMES)) {
    probe.className = `verdict ${label}`; // the sheet resolves light-dark() for us
    colour[label] = getComputedStyle(probe).color;
  }
  probe.className = before;
  const n = state.labels.length;
  const step = Math.max(width / n, 1);
  const gap = step > 6 * ratio ? ratio : 0;
  for (let x = 0; x < width; x += step) {
    const label = state.labels[Math.min(n - 1, Math.floor((x / width) * n + 1e-6))];
    ctx.globalAlpha = label ? 1 : 0.18;
    ctx.fillStyle = label ? colour[label] : style.color;
    ctx.fillRect(x, height * 0.35, step - gap, height * 0.3);
  }
  ctx.globalAlpha = 1;
  ctx.fillStyle = style.color;
  const at = ((state.index + 0.5) / n) * width;
  ctx.fillRect(at - 1.5 * ratio, 0, 3 * ratio, height);
}

let toastTimer = 0;
function toast(text, isBad = false) {
  $("toast").textContent = text;
  $("toast").className = isBad ? "toast bad" : "toast";
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  if (!isBad) toastTimer = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

const KEYS = {
  t: () => answer("truck"),
  n: () => answer("no_truck"),
  s: () => answer("skip"),
  u: undo,
  b: () => setBoxMode(!canvas.isBoxMode),
  a: takeHints,
  g: () => { const open = nextOpen(state.index); if (open !== null) go(open); },
  arrowleft: () => go(state.index - 1),
  arrowright: () => go(state.index + 1),
  delete: () => canvas.remove(),
  backspace: () => canvas.remove(),
  escape: () => { setBoxMode(false); canvas.select(-1); },
  "?": () => $("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const key = event.key.toLowerCase();
  const isDigit = /^[1-9]$/.test(key);
  if (!isDigit && !(key in KEYS)) return;
  // a key held down must not label a hundred pictures
  if (event.repeat && !key.startsWith("arrow")) return;
  event.preventDefault();
  if (isDigit) setClass(state.classes[Number(key) - 1]);
  else KEYS[key]();
});

for (const [id, key] of [
  ["answer-truck", "t"], ["answer-no_truck", "n"], ["answer-skip", "s"], ["undo", "u"],
  ["box-mode", "b"], ["take", "a"], ["previous", "arrowleft"], ["next", "arrowright"],
  ["help-button", "?"],
]) {
  $(id).addEventListener("click", (event) => {
    event.currentTarget.blur(); // or the next key would press the button again
    KEYS[key]();
  });
}
$("help-close").addEventListener("click", () => $("help").close());
$("strip").addEventListener("click", (event) => {
  const share = event.offsetX / $("strip").clientWidth;
  go(Math.min(state.labels.length - 1, Math.floor(share * state.labels.length)));
});
window.addEventListener("resize", drawStrip);
window.addEventListener("beforeunload", (event) => {
  if (pending > 0) event.preventDefault();
});

const overview = await ask("api/session");
Object.assign(state, {
  labels: overview.labels,
  isBlind: overview.is_blind,
  classes: overview.box_classes,
  canUndo: overview.can_undo,
});
$("set").textContent = overview.set;
$("labeller").textContent = overview.is_blind ? `${overview.labeller}, blind` : overview.labeller;
await go(overview.start);
