// The sandbox: a menu of what can happen next, beside the Stepper of what has happened. Drawn anew with every state
// that Python sends. `mine` is what the reader has set here and Python need not know: it outlives the drawings.
VIEWS.sandbox = (root, D, ask) => {
  const HINT = "Choose what happens next, or type a line. What is dashed cannot happen now: go there to read why.";
  const LATE = "No answer yet: the kernel is busy, or was restarted; then run the cell again.";
  const mine = (root.mine ??= { set: {}, open: {}, typed: "", sent: "", at: null, script: null });

  function make(tag, props, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name.startsWith("on")) element[name] = value;
      else if (value === true) element.setAttribute(name, "");
      else if (value || value === 0 || value === "") element.setAttribute(name, value);
    }
    element.append(...inside.filter((part) => part !== null));
    return element;
  }
  const box = (name, ...inside) => make("div", { class: name }, ...inside);
  const row = (label, ...inside) => make("div", { class: "sb-row", role: "group", "aria-label": label }, ...inside);
  const lab = (text) => make("span", { class: "lab" }, text);
  const joined = (...inside) => make("span", { class: "sb-verb" }, ...inside);
  const field = (props) => make("input", { type: "text", autocomplete: "off", spellcheck: "false", ...props });
  // A button that does nothing now can still be reached, to learn why.
  const able = (press, no) => {
    press.setAttribute("aria-disabled", no ? "true" : "false");
    press.toggleAttribute("data-no", no);
    return press;
  };
  const button = (key, label, onclick, more = {}) =>
    able(make("button", { type: "button", "data-k": key, onclick, ...more }, label), false);

  const body = root.querySelector(".sb-body") || root.appendChild(box("sb-body"));
  const spoken = root.querySelector(".sb-say") || root.appendChild(box("sr sb-say"));
  spoken.setAttribute("aria-live", "polite");
  const find = (key) => body.querySelector(`[data-k="${key}"]`);
  const note = make("p", { class: "sb-note" }, HINT);
  const told = (words) => {
    const tell = () => (note.textContent = words());
    return { onfocus: tell, onpointerenter: tell };
  };
  const send = (...what) => {
    root.setAttribute("aria-busy", "true");
    ask({ count: D.count, ask: what });
  };

  // What the reader has set is kept until it was used; else it is what Python offers.
  const slot = (name) => mine.set[name] ?? D.menu.slots[name];
  const redraw = [];
  const renew = () => redraw.forEach((draw) => draw());

  // --- the menu ---

  // One verb: a button that shows the line it adds, cut in pieces where there is something to choose.
  function verb(who, entry) {
    const name = `${who} ${entry.verb}`, parts = entry.parts;
    const key = (k) => (parts[k].options ? `${name} ${k}` : parts[k]);
    const own = (part, k) => (part.options ? mine.set[key(k)] ?? part.value : slot(part));
    const words = () => parts.map((part, k) => (part === "@" ? `@${slot("@")}` : own(part, k)));
    const text = (list) => list.filter((one) => one && one !== "@0").join(" ");
    const line = () => `${who}: ${text([entry.verb, ...words()])}`;
    const chosen = () => words().filter((_, k) => !"VCg".includes(parts[k])).join(" ");
    const why = () => entry.no["*"] || entry.no[chosen()];
    const tell = () => (why() ? `${line()} cannot happen: ${why()}.` : `${line()}: ${entry.about}.`);
    const act = () => {
      if (why()) return void (note.textContent = spoken.textContent = tell());
      const said = line();
      parts.forEach((_, k) => delete mine.set[key(k)]);
      send("do", said);
    };
    const press = button(name, "", act, told(tell));
    const pieces = [press], texts = [[press, []]]; // a text, and the numbers of its parts
    parts.forEach((part, k) => {
      if (!(part.options?.length > 1)) return void texts.at(-1)[1].push(k);
      const change = (option) => ((mine.set[key(k)] = option), draw());
      texts.push([make("span", { class: "sb-text", onclick: act }), []]);
      pieces.push(choice(key(k), `${name}: which`, part.options, words()[k], change), texts.at(-1)[0]);
    });
    function draw() {
      const now = words();
      texts.forEach(([piece, at]) => (piece.textContent = text(at.map((k) => now[k]))));
      press.prepend(press.textContent ? `${entry.verb} ` : entry.verb);
      press.setAttribute("aria-label", line());
      press.title = why() || entry.about;
      able(press, !!why());
    }
    draw();
    redraw.push(draw);
    return joined(...pieces);
  }

  // A word that may stand there or not is a box to tick; else it is one of several.
  function choice(key, label, options, value, change) {
    if (options.length === 2 && !options[0]) {
      const onchange = () => change(tick.checked ? options[1] : "");
      const tick = make("input", { type: "checkbox", "data-k": key, onchange });
      tick.checked = !!value;
      return make("label", {}, tick, options[1]);
    }
    const select = make("select", { "data-k": key, "aria-label": label, onchange: () => change(select.value) });
    options.forEach((option) => select.append(make("option", { value: option }, option)));
    select.value = value;
    return select;
  }

  function group({ who, what, verbs }) {
    const these = (more) => verbs.filter((one) => one.more === more).map((one) => verb(who, one));
    const common = these(false), rest = these(true);
    const key = `more ${who}`;
    const more = make("details", { open: mine.open[key], ontoggle: () => (mine.open[key] = more.open) },
      make("summary", { "data-k": key, "aria-label": `more of ${who}` }, "more"), box("sb-verbs", ...rest));
    return make("div", { class: "sb-group", role: "group", "aria-label": who },
      make("p", {}, make("b", {}, who), ` ${what}`), box("sb-verbs", ...common), rest.length ? more : null);
  }

  // What the buttons fill in: the next value, names, and the page.
  function filled() {
    const next = (name, label, size, maxlength) => {
      const change = () => ((mine.set[name] = input.value.trim() || undefined), renew());
      const input = field({ "data-k": name, size, maxlength, value: slot(name), oninput: change });
      return make("label", {}, label, input);
    };
    if (!D.menu.pages.includes(+slot("@"))) delete mine.set["@"];
    const pages = D.menu.pages.map((number) => `@${number}`);
    const turn = (page) => ((mine.set["@"] = page.slice(1)), renew());
    const page = pages.length > 1 ? make("label", {}, "page", choice("@", "page", pages, `@${slot("@")}`, turn)) : null;
    const slots = [next("V", "next value", 1, 1), next("C", "process", 2, 24), next("g", "reference", 2, 24)];
    return row("What the buttons fill in", ...slots, page);
  }

  function typed() {
    const input = field({ "data-k": "typed", "aria-label": "A line of script", value: mine.typed,
      placeholder: "or type a line: P: write B", oninput: () => (mine.typed = input.value) });
    const onsubmit = (event) => {
      event.preventDefault();
      if (mine.typed.trim()) send("do", (mine.sent = mine.typed));
    };
    return make("form", { class: "sb-typed", onsubmit }, input, make("button", { "data-k": "typed do" }, "Do it"));
  }

  function back(name, label) {
    const words = D[name] ? `${label} ${D[name]}` : `There is nothing to ${name}.`;
    const about = { title: words, "aria-label": words, ...told(() => words) };
    const press = button(name, label, () => D[name] && send(name), about);
    if (D[name]) press.append(make("span", { class: "mono" }, ` ${D[name]}`));
    return able(press, !D[name]);
  }

  // --- the policies, the atlas, and taking the script home ---

  function policies() {
    const left = D.policies.map((_, i) => i).filter((i) => !D.chosen.includes(i));
    const chosen = D.chosen.map((number, k) => {
      const change = () => send("switch", ...D.chosen.map((old) => (old === number ? +select.value : old)));
      const select = make("select", { "data-k": `policy ${k}`, "aria-label": `policy ${k + 1}`, onchange: change });
      const others = D.chosen.filter((old) => old !== number), choices = [...left, number].sort((a, b) => a - b);
      choices.forEach((i) => select.append(make("option", { value: i }, D.policies[i])));
      select.value = number;
      const title = `without ${D.policies[number]}`;
      const drop = button(`drop ${k}`, "×", () => send("switch", ...others), { title, "aria-label": title });
      return joined(select, others.length ? drop : null);
    });
    const next = left.find((i) => i > D.chosen.at(-1)) ?? left[0];
    const title = "another policy beside, under the same script";
    const add = button("add", "+ beside", () => send("switch", ...D.chosen, next), { title });
    return row("Policies", lab("POLICY"), ...chosen, chosen.length < 4 ? add : null);
  }

  function atlas() {
    const now = mine.set.scenario ?? D.name, keep = (name) => (mine.set.scenario = name);
    const first = D.scenarios.includes(now) ? now : "leak";
    const select = choice("scenario", "scenario of the atlas", D.scenarios, first, keep);
    const title = "put this script in the place of yours; undo brings yours back";
    const load = button("load", "Open", () => send("load", select.value), { title });
    return row("The atlas", lab("FROM THE ATLAS"), joined(select, load));
  }

  function home() {
    const said = make("span", { class: "sb-said", role: "status" });
    const save = () => {
      const file = URL.createObjectURL(new Blob([`${D.head}\n${D.script}`], { type: "text/plain" }));
      make("a", { href: file, download: D.file }).click();
      setTimeout(() => URL.revokeObjectURL(file), 1000);
      said.textContent = `saved as ${D.file}`;
    };
    const copy = () => { // the clipboard's newer interface is refused without https
      const all = make("textarea", { class: "sr" });
      all.value = D.script;
      body.append(all);
      all.select();
      said.textContent = document.execCommand("copy") ? "copied" : "the browser does not let me copy";
      all.remove();
      find("copy").focus({ preventScroll: true });
    };
    const take = (key, label, act) => {
      const none = () => (said.textContent = "there is no line yet");
      return able(button(key, label, D.script ? act : none), !D.script);
    };
    const buttons = [take("copy", "Copy script", copy), take("save", "Save .cow file", save)];
    return row("Take the script with you", ...buttons, said);
  }

  // --- drawn anew: where the reader is and what is open is found again ---

  const active = body.contains(document.activeElement) ? document.activeElement : null;
  const { k: key, a: action } = active?.dataset ?? {}, stepping = active?.closest(".sb-stage");
  const open = body.querySelector(".sb-stage details")?.open, height = body.querySelector(".sb-stage")?.offsetHeight;

  if (mine.sent && !D.error) mine.typed = ""; // what was wrong stays, to be mended
  mine.sent = "";
  const wrong = make("div", { class: "sb-error", role: "alert" });
  D.error.split("\n").filter(Boolean).forEach((line, k) => wrong.append(make("p", {}, k ? line : make("b", {}, line))));
  const choose = box("sb-choose", typed(), wrong, filled(), note, box("sb-groups", ...D.menu.groups.map(group)));
  const looking = make("div", { class: "sb-back", hidden: true });
  const late = make("p", { class: "sb-late" }, LATE);
  const stage = box("sb-stage");
  if (height) stage.style.minHeight = `${height}px`; // or the page would jump while it is empty
  root.removeAttribute("aria-busy");
  body.replaceChildren(
    make("h1", { class: "cow-title" }, D.title), make("p", { class: "lede" }, D.lede),
    box("sb-head", policies(), atlas()),
    box("sb-desk", box("sb-menu", row("Undo and redo", back("undo", "Undo"), back("redo", "Redo")),
      box("sb-over", late, looking, choose), home()), stage));

  const go = nest(stage, D.stepper);
  const lines = D.stepper.script, last = lines.length, script = lines.join("\n");
  const wide = stage.querySelector("svg").viewBox.baseVal.width > 800; // it wants the whole width
  stage.parentNode.classList.toggle("sb-dense", wide);
  // The menu is about the last line. Whoever looks at an earlier one may go on from there.
  stage.firstElementChild.addEventListener("cow-at", ({ detail: at }) => {
    mine.at = at;
    looking.hidden = at === last;
    choose.inert = at !== last;
    const here = at ? `line ${at}` : "the start";
    looking.replaceChildren(make("p", {}, `You look at ${here}, the menu is about line ${last}.`),
      button("keep", `Go on from ${here}`, () => send("keep", at)));
  });
  const again = mine.script !== null;
  if (mine.script === script && mine.at !== null) go(mine.at, false); // another policy: the same line
  else mine.at = null;
  mine.script = script;
  if (open !== undefined) stage.querySelector("details").open = open;
  stage.style.minHeight = "";
  if (again) {
    const say = (w) => `${w.querySelector(".cow-name").textContent}: ${w.querySelector(".said").textContent}`;
    const head = last ? `Line ${last}, ${lines[last - 1]}.` : "Start.";
    spoken.textContent = D.error || [head, ...[...stage.querySelectorAll("section.w")].map(say)].join(" ");
  }
  if (active) {
    const there = stepping ? stage.querySelector(action ? `[data-a="${action}"]` : "input") : find(key);
    (there || find("undo")).focus({ preventScroll: true });
  }
};
