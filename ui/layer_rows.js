// The list of layers as a tree of rows. Names of layers are a stranger's: everything is put in as text.

// How long a row that was clicked stays marked without a word of the server, in milliseconds.
const PATIENCE = 30000;
// Where a name may be cut: before so many of its last characters.
const END_LENGTH = 8;
// In pixels, of a figure of a shape, and of the widest shape that is not cut.
const FIGURE = 6.5;
const WIDEST_SHAPE = 72;
const COLUMNS = {
  layer: "",
  shape: "Of the output, without the sample axis.",
  values: "How the values of this sample are distributed, lowest to highest.",
};
// On the page where a sample is edited.
const CHANGES = ["change", "How far the layer moves by the edit, the one that moves the most as long as the column."];
const SVG = "http://www.w3.org/2000/svg";

const lists = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const place = parentElement.querySelector(".layers");
  if (!lists.has(place)) lists.set(place, new LayerRows(place));
  lists.get(place).show(data, setTriggerValue);
}

class LayerRows {
  constructor(place) {
    this.place = place;
    this.head = element("div", "head");
    this.head.ariaHidden = "true";
    for (const [name, hint] of Object.entries(COLUMNS)) this.head.append(element("span", "", name, hint));
    this.tree = element("div", "tree");
    this.tree.role = "tree";
    this.tree.ariaLabel = "Layers";
    place.replaceChildren(this.head, this.tree);
    // By key, in the order of the list; each with its entry and its element.
    this.rows = new Map();
    // What the server says is selected, and what was clicked that it has not heard of yet.
    this.selected = null;
    this.pending = null;
    // Numbers of the last click: that it has heard of, and that was told.
    this.heard = Infinity;
    this.told = 0;
    // The row that the keys go from, which alone can be tabbed to.
    this.active = null;
    this.marked = null;
    this.tree.addEventListener("click", (event) => {
      const row = this.rowAt(event);
      if (!row) return;
      this.activate(row);
      this.act(row);
    });
    this.tree.addEventListener("keydown", (event) => this.press(event));
    // Nothing can be scrolled to in a sidebar that is closed.
    let height = 0;
    new ResizeObserver(() => {
      if (!height) this.reveal(this.marked, true);
      height = place.clientHeight;
    }).observe(place);
  }

  /** Show what the server says. */
  show({ entries, selected, heard, changes }, send) {
    this.send = send;
    const [name, hint] = changes ? CHANGES : ["values", COLUMNS.values];
    Object.assign(this.head.lastElementChild, { textContent: name, title: hint });
    // At first, and where a connection that broke has led to a new session, which counts anew.
    if (heard < this.heard) this.told = heard;
    this.heard = heard;
    // A run that began before the last click says what was selected before it.
    const isUpToDate = heard >= this.told;
    const isNews = isUpToDate && selected !== (this.pending ?? this.selected);
    this.selected = selected;
    if (isUpToDate) this.settle();
    const hadFocus = this.tree.contains(this.tree.getRootNode().activeElement);
    // Blocks above may fold or open: the row that was clicked stays under the pointer.
    const above = this.active && this.active.element.offsetTop - this.place.scrollTop;
    this.fill(entries);
    if (!this.rows.has(this.pending)) this.settle();
    const stays = this.active && this.rows.get(this.active.entry.key);
    if (stays) this.place.scrollTop = stays.element.offsetTop - above;
    this.mark();
    const isLed = isNews && this.marked;
    this.activate(isLed ? this.marked : stays || this.marked || [...this.rows.values()][0], hadFocus);
    if (isLed) this.reveal(this.marked, true);
  }

  fill(entries) {
    const before = this.rows;
    this.rows = new Map(
      entries.map((entry) => {
        const row = before.get(entry.key) || { element: element("div", "row") };
        const serial = JSON.stringify(entry);
        // A row stays the same element, or a click would be lost whose button was pressed before and released after.
        if (row.serial !== serial) draw(Object.assign(row, { entry, serial }));
        return [entry.key, row];
      }),
    );
    const rows = [...this.rows.values()];
    const longest = Math.max(5, ...rows.map((row) => row.entry.shape.length));
    this.place.style.setProperty("--shape-width", `${Math.min(longest * FIGURE, WIDEST_SHAPE)}px`);
    const isSame = rows.length === this.tree.childElementCount;
    if (isSame && rows.every((row, at) => row.element === this.tree.children[at])) return;
    const fragment = document.createDocumentFragment();
    fragment.append(...rows.map((row) => row.element));
    this.tree.replaceChildren(fragment);
  }

  /** Mark the row of what is selected. */
  mark() {
    if (this.marked) this.marked.element.ariaSelected = "false";
    this.marked = this.rows.get(this.pending ?? this.selected);
    if (this.marked) this.marked.element.ariaSelected = "true";
  }

  /** Let the server's word count again. */
  settle() {
    clearTimeout(this.timer);
    this.pending = null;
  }

  /** Make a row the one that the keys go from. */
  activate(row, takesFocus = false) {
    if (this.active) this.active.element.tabIndex = -1;
    this.active = row;
    if (!row) return;
    row.element.tabIndex = 0;
    if (takesFocus) row.element.focus({ preventScroll: true });
  }

  /** Do what a click on a row does: select its layer, or open or close it. */
  act(row) {
    row.entry.selects ? this.choose(row) : this.turn(row, !row.entry.open);
  }

  choose(row) {
    const { key } = row.entry;
    this.settle();
    if (key !== this.selected) {
      this.pending = key;
      // Where no answer comes, as when the connection broke, what is marked would never be what is shown.
      this.timer = setTimeout(() => {
        this.settle();
        this.mark();
      }, PATIENCE);
    }
    this.mark();
    this.tell("chosen", row);
  }

  turn(row, opens) {
    this.tell(opens ? "opened" : "closed", row);
  }

  tell(event, row) {
    this.told += 1;
    this.send(event, { key: row.entry.key, number: this.told });
  }

  press(event) {
    const row = this.rowAt(event);
    if (!row || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const rows = [...this.rows.values()];
    const at = rows.indexOf(row);
    const targets = { ArrowUp: rows[at - 1], ArrowDown: rows[at + 1], Home: rows[0], End: rows.at(-1) };
    if (event.key in targets) this.go(targets[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.act(row);
    else if (event.key === "ArrowRight" && row.entry.holds) row.entry.open ? this.go(rows[at + 1]) : this.turn(row, true);
    else if (event.key === "ArrowLeft" && row.entry.holds) this.turn(row, false);
    // Beside a layer that holds none, → and ← step through the samples, as they do elsewhere on the page.
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  go(row) {
    if (!row || row === this.active) return;
    this.activate(row, true);
    this.reveal(row);
    // A block holds nothing that could be shown: it is gone to, and opened on request.
    if (row.entry.selects) this.choose(row);
  }

  /** Scroll the list, and not the page, until a row is in sight. */
  reveal(row, inTheMiddle = false) {
    if (!row) return;
    const { offsetTop, offsetHeight } = row.element;
    const highest = offsetTop - this.head.offsetHeight;
    const lowest = offsetTop + offsetHeight - this.place.clientHeight;
    if (this.place.scrollTop <= highest && this.place.scrollTop >= lowest) return;
    if (inTheMiddle) this.place.scrollTop = (highest + lowest) / 2;
    else this.place.scrollTop = this.place.scrollTop > highest ? highest : lowest;
  }

  rowAt(event) {
    const found = event.target.closest(".row");
    return found && [...this.rows.values()].find((row) => row.element === found);
  }
}

function element(tag, className, text = "", hint = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  if (hint) made.title = hint;
  return made;
}

/** Put into the element of a row what its entry says. */
function draw({ element: row, entry }) {
  row.role = "treeitem";
  row.ariaLabel = entry.spoken;
  row.ariaLevel = String(entry.depth + 1);
  row.ariaExpanded = entry.holds ? String(entry.open) : null;
  row.ariaSelected = entry.selects ? "false" : null;
  if (!row.hasAttribute("tabindex")) row.tabIndex = -1;
  row.title = entry.hint;
  row.style.setProperty("--depth", entry.depth);
  const characters = [...entry.title];
  const cut = characters.length > 2 * END_LENGTH ? characters.length - END_LENGTH : characters.length;
  const title = element("span", "title");
  title.append(element("span", "start", characters.slice(0, cut).join("")));
  title.append(element("span", "end", characters.slice(cut).join("")));
  const name = element("span", "name");
  if (entry.holds) name.append(element("span", "fold", entry.open ? "▾" : "▸"));
  name.append(title);
  if (entry.count) name.append(element("span", "count", `· ${entry.count}`));
  if (entry.notes) name.append(element("span", "notes", "⚠", entry.notes));
  row.replaceChildren(name, element("span", "shape", entry.shape), entry.change ? change(entry.change) : bars(entry.bars));
}

/** Return a bar that is as long as a layer moves, as a share of the column. */
function change(share) {
  const bar = element("span", "change");
  bar.style.setProperty("--share", share);
  return bar;
}

function bars(counts) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "bars");
  drawing.setAttribute("viewBox", `0 0 ${counts.length || 1} 1`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  const highest = Math.max(...counts, 1);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", counts.map((count, at) => `M${at} 1v${-count / highest}h.85V1z`).join(""));
  drawing.append(path);
  return drawing;
}
