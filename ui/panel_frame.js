// A panel's page in a frame of its own: no script of it runs, nothing is loaded, and the app is another origin to it.

const COLOURS = ["text-color", "background-color", "primary-color", "border-color", "font"];
const shown = new WeakMap();

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".panel");
  const theme = getComputedStyle(place);
  const values = COLOURS.map((name) => `--${name}:${theme.getPropertyValue(`--st-${name}`).replace(/[<>{};]/g, "")}`);
  const page = `${data.head}<style>:root{${values.join(";")}}</style></head><body>${data.html}`;
  if (shown.get(place) === page) return;
  shown.set(place, page);
  const frame = document.createElement("iframe");
  // Empty: scripts, forms, pop-ups, and to be of the same origin are all forbidden. It has to stand before the page does.
  frame.setAttribute("sandbox", "");
  frame.setAttribute("referrerpolicy", "no-referrer");
  frame.title = data.description;
  frame.style.height = `${data.height}px`;
  frame.srcdoc = page;
  place.replaceChildren(frame);
}
