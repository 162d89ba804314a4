// A graph whose nodes open. D.live is the page, D.opens what each node shows, D.packed the Steppers in it, what they
// share once. One node is a tab stop; arrows go to the nearest in that direction.
VIEWS.graph = (root, D) => {
  const $ = (query) => root.querySelector(query);
  $(".cow-live").innerHTML = D.live;
  keepKeys(root);
  const nodes = [...root.querySelectorAll(".cow-drawn [data-node], .cow-drawn [data-edge]")].filter((g) => D.opens[id(g)]);
  const edges = [...root.querySelectorAll(".cow-drawn .edge")];
  const opened = $(".cow-opened"), drawn = $(".cow-drawn");

  function id(group) {
    return group.dataset.node || group.dataset.edge;
  }

  function open(name) {
    const it = D.opens[name];
    if (!it) return;
    opened.innerHTML = `${it.html}<div class="cow-inside"></div>`;
    if (it.stepper !== null) nest(opened.querySelector(".cow-inside"), { ...unpack(D.packed, it.stepper), start: it.at });
    nodes.forEach((g) => g.setAttribute("aria-current", id(g) === name));
    $(".cow-say").textContent = `Opened below: ${opened.querySelector("h2").textContent}`;
    const here = nodes.find((g) => id(g) === name);
    if (here) reach(here);
    if (here) sight(here);
    opened.scrollIntoView({ block: "nearest" }); // below a tall graph one would not see that anything opened
  }

  // The drawing scrolls inside its place.
  function sight(group) {
    const box = drawn.getBoundingClientRect(), it = group.getBoundingClientRect();
    const hidden = it.left < box.left || it.right > box.right || it.top < box.top || it.bottom > box.bottom;
    if (hidden) drawn.scrollBy((it.left + it.right - box.left - box.right) / 2, (it.top + it.bottom - box.top - box.bottom) / 2);
  }

  // The node that Tab comes to, and the edges that end there.
  function reach(node) {
    nodes.forEach((g) => g.setAttribute("tabindex", g === node ? 0 : -1));
    edges.forEach((edge) => edge.classList.toggle("lit", edge.dataset.edge.split("-").includes(id(node))));
  }

  function middle(group) {
    const box = group.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  // The nearest in that direction; what lies aside counts more than what lies ahead.
  function nearest(from, dx, dy) {
    const [x, y] = middle(from);
    let best = null, least = Infinity;
    for (const g of nodes) {
      const [gx, gy] = middle(g), ahead = (gx - x) * dx + (gy - y) * dy, aside = Math.abs((gx - x) * dy) + Math.abs((gy - y) * dx);
      if (g !== from && ahead > 4 && ahead + 2.5 * aside < least) [best, least] = [g, ahead + 2.5 * aside];
    }
    return best;
  }

  if (nodes.length) sight(nodes[0]); // it need not be the topmost

  const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  nodes.forEach((g, k) => {
    g.setAttribute("role", "button");
    if (!g.hasAttribute("aria-label")) g.setAttribute("aria-label", [...g.querySelectorAll("text")].map((line) => line.textContent.trim()).join(", "));
    g.setAttribute("tabindex", k ? -1 : 0);
    g.onclick = () => open(id(g));
    g.onfocus = () => reach(g);
    g.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const way = WAYS[event.key], next = event.key === "Home" ? nodes[0] : way && nearest(g, ...way);
      if (event.key === "Enter" || event.key === " ") open(id(g));
      else if (!way && event.key !== "Home") return;
      event.preventDefault();
      if (next) {
        next.focus({ preventScroll: true });
        sight(next);
      }
    };
  });
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-open]");
    if (button) open(button.dataset.open);
  });
  root.querySelectorAll(".bar [data-a]").forEach((button) => (button.onclick = () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    drawn.classList.toggle(button.dataset.a, on);
  }));
};
