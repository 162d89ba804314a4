// What every view shares. A view is VIEWS.name(root, data, ask): it fills the element `root`, once, from data that was all
// sent at once. ask(message) reaches Python where a widget shows the view, and is null in a page without a kernel.
// One text serves both: as a module that anywidget loads, and inside a page that needs nothing but itself.
const VIEWS = {};

// A view in a page: its element waits there, with its data in it.
function mount(id, view) {
  document.querySelectorAll(`[data-cowlab="${id}"]:not([data-ready])`).forEach((root) => {
    root.setAttribute("data-ready", "");
    VIEWS[view](root, JSON.parse(root.querySelector("script.cow-frames").textContent), null);
  });
}

// Keys that are typed inside stay inside: JupyterLab's command mode would take arrows, and dd deletes a cell.
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape") event.stopPropagation();
  });
}

// A Stepper inside another view.
function nest(parent, data) {
  const root = document.createElement("div");
  root.className = "cowlab cow-stepper cow-nested";
  root.tabIndex = -1;
  root.setAttribute("data-ready", "");
  root.innerHTML = '<div class="cow-live"></div>';
  parent.replaceChildren(root);
  return VIEWS.stepper(root, data);
}

// The data of one of several Steppers that share what they have in common (packed.py).
function unpack({ tokens, strings, steps, parts, steppers }, number) {
  const own = steppers[number];
  const panels = own.panels.map((panel) => panel.map((step) => steps[step]));
  return { ...own, panels, tokens, strings, live: own.live.map((part) => parts[part]).join("") };
}

// A view in a notebook's widget: drawn anew whenever Python has something new to show.
function render({ model, el }) {
  const root = document.createElement("div");
  root.setAttribute("data-ready", "");
  root.tabIndex = -1;
  keepKeys(root);
  el.append(root);
  const draw = () => {
    root.className = `cowlab cow-${model.get("view")}`;
    VIEWS[model.get("view")](root, { ...model.get("state"), now: model.get("now") }, (message) => model.send(message));
  };
  model.on("change:state change:now", draw);
  draw();
  return () => model.off("change:state change:now", draw);
}
