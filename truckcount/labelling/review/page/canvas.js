// The picture with its boxes: boxes live in picture pixels, the canvas only shows them.

const HANDLE = 9; // screen px around a corner that takes hold of it
const MIN_BOX = 3; // picture px; a smaller drag is a click
const COLOURS = {
  truck: "#ff9a3c", bus: "#5ad1a0", van: "#6db3e8", pickup: "#b9a3ff",
  car: "#9fd3ff", ambiguous: "#ffd84d", other: "#d0d4d9",
};

export class BoxCanvas {
  /** @param onChange called with no argument after boxes were drawn, changed or chosen */
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.boxes = [];
    this.hints = [];
    this.selected = -1;
    this.isBoxMode = false;
    this.image = null;
    this.size = [1, 1];
    this.drag = null;
    this.pointer = null;
    canvas.addEventListener("pointerdown", (e) => this.down(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerup", (e) => this.up(e));
    canvas.addEventListener("pointercancel", () => { this.drag = null; this.draw(); });
    canvas.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(image, width, height, boxes, hints) {
    this.image = image;
    this.size = [width, height];
    this.boxes = boxes.map((b) => ({ ...b }));
    this.hints = hints;
    this.selected = -1;
    this.drag = null;
    this.draw();
  }

  /** Scale and origin of the picture on the canvas, in CSS pixels. */
  fit() {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const [pw, ph] = this.size;
    const scale = Math.min((w - 24) / pw, (h - 24) / ph);
    return { scale, left: (w - pw * scale) / 2, top: (h - ph * scale) / 2 };
  }

  toPicture(event) {
    const { scale, left, top } = this.fit();
    const rect = this.canvas.getBoundingClientRect();
    const clamp = (v, limit) => Math.min(Math.max(v, 0), limit);
    return [
      clamp((event.clientX - rect.left - left) / scale, this.size[0]),
      clamp((event.clientY - rect.top - top) / scale, this.size[1]),
    ];
  }

  cornerAt([x, y]) {
    const box = this.boxes[this.selected];
    if (!box) return null;
    const near = HANDLE / this.fit().scale;
    for (const cx of ["x1", "x2"]) {
      for (const cy of ["y1", "y2"]) {
        if (Math.abs(box[cx] - x) < near && Math.abs(box[cy] - y) < near) {
          // the opposite corner stays
          return { x: box[cx === "x1" ? "x2" : "x1"], y: box[cy === "y1" ? "y2" : "y1"] };
        }
      }
    }
    return null;
  }

  /** The smallest box under a point, so that one inside another can be reached. */
  boxAt([x, y]) {
    let best = -1;
    let smallest = Infinity;
    this.boxes.forEach((b, i) => {
      const area = (b.x2 - b.x1) * (b.y2 - b.y1);
      if (x >= b.x1 && x <= b.x2 && y >= b.y1 && y <= b.y2 && area < smallest) {
        best = i;
        smallest = area;
      }
    });
    return best;
  }

  down(event) {
    if (event.button !== 0 || !this.image) return;
    const at = this.toPicture(event);
    const corner = this.cornerAt(at);
    this.canvas.setPointerCapture(event.pointerId);
    if (corner) {
      this.drag = { from: [corner.x, corner.y], to: at, box: this.selected };
    } else if (this.isBoxMode) {
      this.drag = { from: at, to: at, box: -1 };
    } else {
      this.select(this.boxAt(at));
    }
  }

  move(event) {
    this.pointer = this.toPicture(event);
    if (this.drag) this.drag.to = this.pointer;
    this.draw();
  }

  up(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    drag.to = this.toPicture(event);
    const box = rectangle(drag.from, drag.to);
    if (box.x2 - box.x1 < MIN_BOX || box.y2 - box.y1 < MIN_BOX) {
      this.select(this.boxAt(drag.to));
      return;
    }
    if (drag.box >= 0) Object.assign(this.boxes[drag.box], box);
    else this.selected = this.boxes.push({ class: "truck", ...box }) - 1;
    this.draw();
    this.onChange({ edited: true });
  }

  select(index) {
    this.selected = index;
    this.draw();
    this.onChange({ edited: false });
  }

  remove() {
    if (!this.boxes.length) return false;
    this.boxes.splice(this.selected >= 0 ? this.selected : this.boxes.length - 1, 1);
    this.selected = -1;
    this.draw();
    this.onChange({ edited: true });
    return true;
  }

  draw() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    if (!this.image) return;
    const { scale, left, top } = this.fit();
    ctx.imageSmoothingQuality = "high";
    ctx.drawImage(this.image, left, top, this.size[0] * scale, this.size[1] * scale);
    const place = (b) => [
      left + b.x1 * scale, top + b.y1 * scale, (b.x2 - b.x1) * scale, (b.y2 - b.y1) * scale,
    ];
    ctx.lineWidth = 1.5;
    ctx.setLineDash([5, 4]);
    for (const hint of this.hints) {
      ctx.strokeStyle = "#ffffffcc";
      ctx.strokeRect(...place(hint));
      const score = hint.score === null ? "" : ` ${hint.score.toFixed(2)}`;
      tag(ctx, `${hint.class}${score}`, place(hint), "#ffffffcc");
    }
    ctx.setLineDash([]);
    this.boxes.forEach((box, i) => {
      const at = place(box);
      ctx.strokeStyle = COLOURS[box.class] ?? COLOURS.other;
      ctx.lineWidth = i === this.selected ? 3 : 2;
      ctx.strokeRect(...at);
      tag(ctx, box.class, at, ctx.strokeStyle);
      if (i === this.selected) corners(ctx, at);
    });
    if (this.drag) {
      ctx.strokeStyle = COLOURS.truck;
      ctx.lineWidth = 2;
      ctx.strokeRect(...place(rectangle(this.drag.from, this.drag.to)));
    } else if (this.isBoxMode && this.pointer) {
      cross(ctx, left, top, this.pointer, this.size, scale);
    }
  }
}

function rectangle([xa, ya], [xb, yb]) {
  return {
    x1: Math.min(xa, xb), y1: Math.min(ya, yb), x2: Math.max(xa, xb), y2: Math.max(ya, yb),
  };
}

function tag(ctx, text, [x, y], colour) {
  ctx.font = "600 11px system-ui, sans-serif";
  const width = ctx.measureText(text).width + 8;
  const top = y >= 15 ? y - 15 : y;
  ctx.fillStyle = colour;
  ctx.fillRect(x - 1, top, width, 15);
  ctx.fillStyle = "#14161a";
  ctx.fillText(text, x + 3, top + 11);
}

function corners(ctx, [x, y, w, h]) {
  ctx.fillStyle = "#ffffff";
  for (const cx of [x, x + w]) {
    for (const cy of [y, y + h]) ctx.fillRect(cx - 4, cy - 4, 8, 8);
  }
}

function cross(ctx, left, top, [x, y], [width, height], scale) {
  ctx.strokeStyle = "#ffffff77";
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(left + x * scale, top);
  ctx.lineTo(left + x * scale, top + height * scale);
  ctx.moveTo(left, top + y * scale);
  ctx.lineTo(left + width * scale, top + y * scale);
  ctx.stroke();
}
