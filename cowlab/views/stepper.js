// Steps through frames that were all sent at once; nothing here asks Python. The frames: a panel is a list of places,
// each holding the number of a string, and D.panels[p][i] says which places change at step i, [place, string, place,
// string, ...]. D.strings are made of D.tokens, and D.texts[p][i] are lines, which are tokens.
// root holds an element .cow-live, which is filled. Whoever wants to know where it stands listens to "cow-at"; what is
// returned goes there. D.covered: what lies ahead is not given away. D.gate(index): how far one may go towards it.
VIEWS.stepper = (root, D) => {
  const KEYS = { ArrowRight: "next", ArrowLeft: "prev", Home: "first", End: "last", " ": "play", d: "part" };
  const PLAY_MS = 900;

  // From the changes of each step: what stands at every place, at every step.
  function unfold(steps) {
    let now = [];
    return steps.map((changed) => {
      now = now.slice();
      for (let k = 0; k < changed.length; k += 2) now[changed[k]] = changed[k + 1];
      return now;
    });
  }

  const $ = (query) => root.querySelector(query);
  $(".cow-live").innerHTML = D.live;
  const last = D.texts[0].length - 1;
  const frames = D.panels.map(unfold);
  const shown = frames.map(() => []);
  const rows = [...root.querySelectorAll("table.trace tbody tr")];
  const places = [...root.querySelectorAll("section.w")].map((w) => {
    const found = [];
    w.querySelectorAll("[data-p]").forEach((place) => (found[place.dataset.p] = place));
    return found;
  });
  const texts = [...root.querySelectorAll("pre.words")];
  const slider = $("input[type=range]"), script = $(".script");
  const signs = [...root.querySelectorAll("[data-sign]")];
  root.classList.toggle("cow-ahead", !!D.covered);
  let at = 0, timer = 0, address = 0;

  function draw(p) {
    frames[p][at].forEach((string, k) => {
      if (shown[p][k] !== string) places[p][k].innerHTML = D.strings[string].map((token) => D.tokens[token]).join("");
    });
    shown[p] = frames[p][at];
    texts[p].textContent = D.texts[p][at].map((line) => D.tokens[line]).join("\n");
    const said = places[p][1].textContent;
    places[p][0].closest("section").querySelector("svg")?.setAttribute("aria-label",
      `${D.names[p]}, ${at ? "line " + at : "start"}: ${said} The text frame says the same.`);
    return `${D.names[p]}: ${said}`;
  }

  // What was shown once is no secret: a mark of the legend, a place that is free again.
  function uncover() {
    places.flat().forEach((place) => place.querySelector(".free") || place.classList.add("seen"));
    const drawn = places.flat().map((place) => place.innerHTML).join("");
    signs.forEach((item) => drawn.includes(item.dataset.sign) && item.classList.add("seen"));
  }

  // The current line is kept in sight inside its box, and the next one; the page itself never moves.
  function sight(row) {
    if (!row) return void (script.scrollTop = 0);
    const next = rows[at] || row;
    const top = row.offsetTop - 30, bottom = next.offsetTop + next.offsetHeight - script.clientHeight;
    if (script.scrollTop > top) script.scrollTop = top;
    else if (script.scrollTop < bottom) script.scrollTop = bottom;
  }

  function go(index, say = true) {
    const wanted = Math.max(0, Math.min(last, index)), before = at;
    at = D.gate ? D.gate(wanted) : wanted;
    if (at < wanted) stop();
    sight(rows[at - 1]); // before anything changes: it asks for measures, which are at hand now
    const said = frames.map((_, p) => draw(p)).join(" ");
    const head = at ? `Line ${at}, ${D.script[at - 1]}. ` : "Start. ";
    slider.value = at;
    slider.setAttribute("aria-valuetext", head);
    $(".pos").textContent = at ? `line ${at} of ${last}` : "start";
    $(".cow-place").textContent = `${D.name}@${at}`;
    rows.forEach((row, k) => {
      if (k + 1 === at) row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
      row.classList.toggle("ahead", k >= at); // a class, not a sibling selector: that would restyle every line at every step
    });
    if (D.covered) uncover();
    if (say && (at !== before || at === wanted)) $(".cow-say").textContent = head + said;
    root.dispatchEvent(new CustomEvent("cow-at", { detail: at }));
    if (say && D.page) {
      clearTimeout(address); // browsers refuse addresses that change with every repeated key
      address = setTimeout(() => history.replaceState(null, "", `#${D.name}@${at}`), 150);
    }
  }

  function play() {
    if (timer) {
      clearInterval(timer);
      timer = 0;
    } else {
      if (at === last) go(0);
      timer = setInterval(() => (root.isConnected && at < last ? go(at + 1) : play()), PLAY_MS);
    }
    $(".play").textContent = timer ? "❚❚ Pause" : "▶ Play";
  }

  const act = {
    first: () => go(0), prev: () => go(at - 1), next: () => go(at + 1), last: () => go(last),
    play, part: () => D.part !== null && go(D.part),
  };
  const stop = () => timer && play(); // whoever steps by hand has taken over
  const byHand = (action) => {
    if (action !== "play") stop();
    act[action]();
  };
  root.querySelectorAll("[data-a]").forEach((button) => (button.onclick = () => byHand(button.dataset.a)));
  slider.oninput = () => (stop(), go(+slider.value));
  rows.forEach((row, k) => (row.onclick = () => (stop(), go(k + 1))));
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape" || event.key === "Enter") return;
    event.stopPropagation(); // JupyterLab's command mode would take arrows, and dd deletes a cell
    const action = KEYS[event.key];
    const pressed = event.key === " " && event.target.closest("button, summary");
    if (!action || pressed) return;
    event.preventDefault();
    byHand(action);
  });
  const named = () => {
    const place = D.page && /@(\d+)$/.exec(decodeURIComponent(location.hash));
    return place ? +place[1] : null;
  };
  if (D.page) addEventListener("hashchange", () => named() !== null && named() !== at && go(named()));
  go(named() ?? D.start, false);
  return go;
};
