// A picture to draw on. What is drawn is shown at once, and stays until the server's picture with it is there.

// In screen pixels, of the longer side.
const LARGEST = 320;
const HELP = "Drag to draw. By keys: arrows move, Space draws, Esc takes it back.";
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const boards = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const place = parentElement.querySelector(".board");
  if (!boards.has(place)) boards.set(place, new Board(place));
  boards.get(place).show(data, (strokes) => setTriggerValue("strokes", strokes));
}

class Board {
  constructor(place) {
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.status = document.createElement("div");
    this.status.className = "status";
    this.status.setAttribute("aria-live", "polite");
    this.status.textContent = HELP;
    place.replaceChildren(this.canvas, this.status);
    // What the server has not heard of yet, drawn pixel by pixel over its picture.
    this.over = document.createElement("canvas");
    this.strokes = [];
    this.heard = Infinity;
    this.told = 0;
    // The stroke that is being made, and where the keys are.
    this.stroke = null;
    this.cursor = null;
    this.holdsSpace = false;
    const listen = (name, action) => this.canvas.addEventListener(name, (event) => action.call(this, event));
    listen("pointerdown", this.press);
    listen("pointermove", this.move);
    listen("pointerup", this.release);
    listen("pointercancel", this.cancel);
    listen("keydown", this.keyDown);
    listen("keyup", this.keyUp);
    listen("focus", this.draw);
    listen("blur", this.leave);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** Show what the server says. */
  show(data, send) {
    this.send = send;
    const isOther = !this.data || this.data.height !== data.height || this.data.width !== data.width;
    const isNews = !this.data || this.data.picture !== data.picture;
    this.data = data;
    // At first, and where a connection that broke has led to a new session, which counts anew.
    // Pictures of other inputs count on, too.
    if (data.heard < this.heard || data.heard > this.told) this.told = data.heard;
    this.heard = data.heard;
    this.strokes = this.strokes.filter((stroke) => stroke.number > data.heard);
    this.canvas.setAttribute("aria-label", data.label);
    this.canvas.style.maxWidth = `${(LARGEST * data.width) / Math.max(data.width, data.height)}px`;
    this.canvas.style.aspectRatio = `${data.width} / ${data.height}`;
    if (isOther) {
      this.cursor = { row: data.height >> 1, column: data.width >> 1 };
      this.stroke = null;
      Object.assign(this.over, { width: data.width, height: data.height });
    }
    if (!isNews) return this.repaint();
    const image = new Image();
    image.onload = () => {
      if (this.data.picture !== data.picture) return;
      this.image = image;
      this.repaint();
    };
    image.src = data.picture;
  }

  /** Draw again what the server has not heard of. */
  repaint() {
    const context = this.over.getContext("2d");
    context.clearRect(0, 0, this.over.width, this.over.height);
    for (const stroke of [...this.strokes, ...(this.stroke ? [this.stroke] : [])]) this.paint(stroke, 0);
    this.draw();
  }

  /** Paint a stroke from one of its points on. */
  paint({ tool, points, size, colour }, from) {
    const context = this.over.getContext("2d");
    context.fillStyle = colour;
    if (tool === "rectangle") {
      const [[row, column], [otherRow, otherColumn]] = [points[0], points.at(-1)];
      const [top, left] = [Math.min(row, otherRow), Math.min(column, otherColumn)];
      context.fillRect(left, top, Math.abs(otherColumn - column) + 1, Math.abs(otherRow - row) + 1);
      return;
    }
    for (let at = from; at < points.length; at++) this.line(context, points[at], points[at + 1] || points[at], size);
  }

  /** Fill the pixels that a brush covers between two points: those that the server changes too. */
  line(context, [row, column], [endRow, endColumn], size) {
    const down = endRow - row, right = endColumn - column, length = down * down + right * right;
    const reach = Math.max((size - 1) / 2, length ? 0.5 : 0) + 1e-9, around = Math.ceil(reach);
    for (let y = Math.min(row, endRow) - around; y <= Math.max(row, endRow) + around; y++) {
      for (let x = Math.min(column, endColumn) - around; x <= Math.max(column, endColumn) + around; x++) {
        const along = length ? Math.min(1, Math.max(0, ((y - row) * down + (x - column) * right) / length)) : 0;
        if (Math.hypot(y - row - along * down, x - column - along * right) <= reach) context.fillRect(x, y, 1, 1);
      }
    }
  }

  draw() {
    if (!this.image) return;
    const { clientWidth, clientHeight } = this.canvas, scale = window.devicePixelRatio || 1;
    const width = Math.round(clientWidth * scale), height = Math.round(clientHeight * scale);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.image, 0, 0, width, height);
    context.drawImage(this.over, 0, 0, width, height);
    if (this.canvas.matches(":focus-visible") && !this.isPointed) this.frame(context, width, height);
  }

  /** Frame the pixels that the keys are at. */
  frame(context, width, height) {
    const { row, column } = this.cursor, reach = this.data.tool === "brush" ? (this.data.size - 1) / 2 : 0;
    const across = width / this.data.width, down = height / this.data.height;
    const box = [(column - reach) * across, (row - reach) * down, (2 * reach + 1) * across, (2 * reach + 1) * down];
    for (const [colour, thickness] of [["#000", 4], ["#fff", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = thickness;
      context.strokeRect(...box);
    }
  }

  press(event) {
    if (event.button) return;
    event.preventDefault();
    this.isPointed = true;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.begin(this.placeOf(event));
  }

  move(event) {
    if (!this.stroke || this.holdsSpace) return;
    for (const each of event.getCoalescedEvents?.() || [event]) this.extend(this.placeOf(each));
  }

  release(event) {
    if (!this.stroke) return;
    this.extend(this.placeOf(event));
    this.end();
  }

  leave() {
    this.holdsSpace = false;
    if (this.stroke && !this.isPointed) this.end();
    this.draw();
  }

  placeOf(event) {
    const box = this.canvas.getBoundingClientRect();
    const within = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    return [
      within((event.clientY - box.top) / box.height, this.data.height),
      within((event.clientX - box.left) / box.width, this.data.width),
    ];
  }

  begin(point) {
    const { tool, size, value, colour } = this.data;
    this.stroke = { tool, size, value, colour, points: [point] };
    this.repaint();
  }

  extend([row, column]) {
    const points = this.stroke.points, [lastRow, lastColumn] = points.at(-1);
    if (row === lastRow && column === lastColumn) return;
    this.stroke.tool === "rectangle" ? points.splice(1, 1, [row, column]) : points.push([row, column]);
    if (this.stroke.tool === "rectangle") return this.repaint();
    this.paint(this.stroke, points.length - 2);
    this.draw();
  }

  end() {
    this.told += 1;
    this.strokes.push({ ...this.stroke, number: this.told });
    this.stroke = null;
    this.repaint();
    // All that was not heard of: the server may merge two that are told shortly after each other.
    this.send(this.strokes);
  }

  cancel() {
    this.stroke = null;
    this.repaint();
  }

  keyDown(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = STEPS[event.key];
    if (step) this.go(step, event.shiftKey);
    else if (event.key === " " || event.key === "Enter") this.mark(event);
    else if (event.key === "Escape" && this.stroke) this.cancel();
    else return;
    event.preventDefault();
    // Elsewhere on the page, arrows step through the samples.
    event.stopPropagation();
  }

  keyUp(event) {
    if (event.key !== " " && event.key !== "Enter") return;
    event.stopPropagation();
    this.holdsSpace = false;
    if (this.stroke && this.stroke.tool === "brush" && !this.isPointed) this.end();
  }

  go([down, right], isFar) {
    const { height, width } = this.data;
    this.isPointed = false;
    const far = (extent) => (isFar ? Math.max(1, Math.round(extent / 8)) : 1);
    this.cursor.row = Math.min(height - 1, Math.max(0, this.cursor.row + down * far(height)));
    this.cursor.column = Math.min(width - 1, Math.max(0, this.cursor.column + right * far(width)));
    if (this.stroke) this.extend([this.cursor.row, this.cursor.column]);
    this.status.textContent = `Row ${this.cursor.row}, column ${this.cursor.column}`;
    this.draw();
  }

  /** Draw at the keys' place: a brush as long as Space is held, a rectangle from one Space to the next. */
  mark(event) {
    this.isPointed = false;
    if (event.repeat) return;
    const here = [this.cursor.row, this.cursor.column];
    if (this.stroke) {
      this.extend(here);
      if (this.stroke.tool === "rectangle") this.end();
      return;
    }
    this.holdsSpace = this.data.tool === "brush";
    this.begin(here);
    this.status.textContent = this.holdsSpace ? "Drawing" : "From here: arrows, then Space again";
  }
}
