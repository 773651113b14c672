// Draws the charts of a report, those that are looked at first, and lets them follow light, dark and paper.
const store = JSON.parse(document.getElementById("charts").textContent);
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
const paper = window.matchMedia("print");
const places = [...document.querySelectorAll("[data-chart]")];
const views = new Map();
let isPrinting = false;

const background = () => {
  const isDark = prefersDark.matches && !isPrinting && !paper.matches;
  return store.backgrounds[isDark ? "dark" : "light"];
};

function recolour() {
  for (const view of views.values()) view.signal("background", background()).run();
}

const isNear = (place) => {
  const box = place.getBoundingClientRect();
  return box.bottom > -200 && box.top < window.innerHeight + 400;
};

function fit(place) {
  // On a small screen a chart shrinks as far as its text stays readable, and is moved sideways from there on.
  const drawing = place.querySelector("svg.marks");
  if (drawing) drawing.style.setProperty("--natural-width", drawing.getAttribute("width") + "px");
  // Who has no mouse moves it by the keyboard.
  const frame = place.parentElement;
  if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
}

function describe(place) {
  // What is heard belongs to the drawing, beside which stands a menu; its marks one by one would tell nothing.
  const drawing = place.querySelector("svg.marks");
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", place.getAttribute("aria-label"));
  for (const part of drawing.children) part.setAttribute("aria-hidden", "true");
  place.removeAttribute("role");
  place.removeAttribute("aria-label");
  place.querySelector("summary")?.setAttribute("aria-label", "Save this chart");
}

async function draw(place) {
  const specification = store.charts[Number(place.dataset.chart)];
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    // Without this, Vega makes functions of texts, which this page forbids.
    ast: true,
    config: { ...store.config, background: background() },
    actions: { export: true, source: false, compiled: false, editor: false },
    downloadFileName: "chart",
    tooltip: { theme: "report", disableDefaultStyle: true },
  };
  try {
    const { view } = await vegaEmbed(place, specification, options);
    views.set(place, view);
    if (view.signal("background") !== background()) view.signal("background", background()).run();
    fit(place);
    describe(place);
    view.addResizeListener(() => fit(place));
  } catch (error) {
    place.textContent = "This chart could not be drawn: " + error.message;
    console.error(error);
  }
  place.classList.add("is-drawn");
}

async function drawAll() {
  const waiting = new Set(places);
  while (waiting.size) {
    const place = [...waiting].find(isNear) ?? waiting.values().next().value;
    waiting.delete(place);
    await draw(place);
    // So that the page can be scrolled meanwhile.
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.charts = "drawn";
}

prefersDark.addEventListener("change", recolour);
paper.addEventListener("change", recolour);
window.addEventListener("beforeprint", () => {
  isPrinting = true;
  recolour();
});
window.addEventListener("afterprint", () => {
  isPrinting = false;
  recolour();
});
for (const contents of document.querySelectorAll("nav details")) {
  if (window.innerWidth >= 1100) contents.open = true;
}
drawAll();
