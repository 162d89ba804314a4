// Policies x laws: a grid of buttons, of which one is in the tab order. A cell opens below what is behind it: its shortest
// witness in a Stepper, or its bounds. D.cells[k] belongs to the k-th button; what it says is tokens of D.packed, and so is
// its Stepper.
VIEWS.matrix = (root, D) => {
  const KEYS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -99], End: [0, 99] };
  root.querySelector(".cow-live").innerHTML = D.live;
  keepKeys(root);
  const grid = root.querySelector("table.m"), below = root.querySelector(".below"), say = root.querySelector(".cow-say");
  const rows = [...grid.rows].map((row) => [...row.querySelectorAll("button.cell")]).filter((row) => row.length);
  const cells = rows.flat();
  let selected = null;

  function reach(cell) {
    cells.forEach((other) => (other.tabIndex = other === cell ? 0 : -1));
  }

  // What is behind a cell; its Stepper as well, unless it is only to be offered.
  function show(cell, open) {
    const { below: words, stepper } = D.cells[cells.indexOf(cell)];
    selected?.parentNode.setAttribute("aria-selected", "false");
    selected = cell;
    cell.parentNode.setAttribute("aria-selected", "true");
    reach(cell);
    below.innerHTML = words.map((token) => D.packed.tokens[token]).join("");
    if (stepper === null) return;
    below.querySelector("button.open").onclick = () => (below.querySelector(".cow-stepper") ? close(cell) : tell(cell));
    if (!open) return;
    nest(below.querySelector(".witness"), unpack(D.packed, stepper));
    below.querySelector("button.open").textContent = "Close the Stepper";
  }

  function tell(cell) {
    show(cell, true);
    const [head, words] = below.querySelectorAll("h2, p");
    say.textContent = `${head.textContent}. ${words.textContent}${below.querySelector(".cow-stepper") ? " A Stepper is open below." : ""}`;
    below.scrollIntoView({ block: "nearest" });
  }

  function close(cell) {
    show(cell, false);
    cell.focus();
  }

  cells.forEach((cell) => (cell.onclick = () => tell(cell)));
  grid.addEventListener("keydown", (event) => {
    const cell = event.target.closest("button.cell"), move = KEYS[event.key];
    if (!cell || !move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const row = rows.findIndex((some) => some.includes(cell)), within = (at, all) => all[Math.max(0, Math.min(all.length - 1, at))];
    const next = within(rows[row].indexOf(cell) + move[1], within(row + move[0], rows));
    reach(next);
    next.focus();
  });
  show(root.querySelector("button.cell.broken") ?? cells[0], false);
};
