// Asks before a Stepper shows. D.stepper is the Stepper's data, D.form the HTML of all questions, and D.lines[line][p] what
// is asked of a line under policy p: {question, label, truth}; D.why[line][p] says why. An answer is final, but for `again`.
VIEWS.predict = (root, D) => {
  const names = D.stepper.names, last = D.stepper.script.length, all = Object.values(D.lines).flat(2).length;
  const done = new Map(); // line -> the answers given there
  const open = (line) => line in D.lines && !done.has(line);
  const typed = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape";
  let at = 0, held = false; // held: somebody wanted to go on, and a question is in the way
  let line = 0, mode = "idle"; // which line the form is about, and whether it asks, tells what came of it, or is idle

  // Whoever goes on stops before the first open question.
  function gate(index) {
    for (let line = 1; line <= index; line++) if (open(line)) return (held = true), line - 1;
    return index;
  }

  keepKeys(root);
  const go = nest(root.querySelector(".cow-live"), { ...D.stepper, gate });
  const stepper = root.querySelector(".cow-stepper");
  stepper.querySelector(".two").insertAdjacentHTML("beforebegin", D.form);
  const form = stepper.querySelector("form"), $ = (query) => form.querySelector(query);
  const button = (what) => $(`[data-do=${what}]`), hint = (words) => ($(".cow-hint").textContent = words);
  const tell = (words) => ($(".cow-tell").textContent = words);
  const rows = [...stepper.querySelectorAll("table.trace tbody tr")];
  const blocks = [...form.querySelectorAll("[data-line]")];
  // The questions of a line as they stand in the form: for each policy, one after another.
  const asks = (line) => [...$(`[data-line="${line}"]`).children];
  const asked = (line) => asks(line).map((group) => [...group.querySelectorAll(".q")]);

  // What comes of each line has its room from the start, so that nothing moves; it is hidden until one has been there.
  const got = (line, right, of) => (rows[line - 1].querySelector(".got").textContent = `${right === of ? "✓ " : ""}${right} of ${of} right`);
  for (const line in D.lines) {
    const of = D.lines[line].flat().length;
    rows[line - 1].querySelector(".mark").insertAdjacentHTML("beforeend", '<span class="got"></span>');
    got(line, of, of);
    asks(line).forEach((group, p) => (group.querySelector(".because").textContent = D.why[line][p]));
  }

  function show() {
    const ask = open(at + 1) && (held || !done.has(at));
    const dragged = stepper.querySelector("input[type=range]:active");
    const follow = form.contains(document.activeElement) || (held && !dragged);
    held = false;
    line = ask ? at + 1 : at;
    form.dataset.mode = mode = ask ? "ask" : done.has(at) ? "told" : "idle";
    blocks.forEach((block) => block.toggleAttribute("data-on", mode !== "idle" && +block.dataset.line === line));
    rows.forEach((row, k) => row.classList.toggle("asked", ask && k + 1 === line));
    $(".cow-line").textContent = line ? `Line ${line}` : "Start";
    $(".cow-what code").textContent = line ? D.stepper.script[line - 1] : "";
    $(".cow-then").textContent = then();
    $(".cow-score").textContent = score();
    hint("");
    button("on").hidden = mode === "ask" || at === last; // a line that asks nothing is gone on from, too
    button("show").hidden = $("[type=submit]").hidden = !ask;
    if (follow) focus();
  }

  function then() {
    if (mode === "ask") return "What will it do?";
    const given = done.get(line) || [], right = given.filter((answer) => answer.right).length;
    const said = mode === "told" ? `${right} of ${given.length} right.` : line ? "asks nothing." : "The first line asks nothing.";
    return at === last ? `${said} The end.` : said;
  }

  // Where the next key belongs: the first question, the button that goes on, or the Stepper.
  function focus() {
    const field = mode === "ask" && asked(line).flat()[0].querySelector("input");
    (field || (button("on").hidden ? stepper : button("on"))).focus();
    if (field) tell($(".cow-what").textContent);
  }

  const answers = () => [...done.keys()].sort((a, b) => a - b).flatMap((line) => done.get(line));
  const count = () => ({ right: answers().filter((answer) => answer.right).length, asked: answers().length });
  function score() {
    const { right, asked } = count(), left = asked < all ? `${all - asked} to come` : "";
    return [asked ? `Score: ${right} of ${asked} right` : "", left].filter(Boolean).join(", ");
  }

  // What was filled in, or nothing; 007 is 7.
  function value(q) {
    const field = q.querySelector("input:checked, input[type=text]"), text = field ? field.value.trim() : "";
    return q.querySelector(".number") && /^\d+$/.test(text) ? text.replace(/^0+(?=\d)/, "") : text;
  }

  function answer(event) {
    event.preventDefault();
    if (mode !== "ask") return;
    const found = asked(line).flat(), odd = found.find((q) => q.querySelector(".number") && /\D/.test(value(q)));
    const empty = found.filter((q) => !value(q));
    if (!odd && !empty.length) return settle();
    hint(odd ? "A count is a number." : `${empty.length} of ${found.length} still open: answer all, or choose Show me.`);
    (odd || empty[0]).querySelector("input").focus();
  }

  // Judge what was filled in, show the rest, and go there.
  function settle() {
    const given = asked(line).flatMap((group, p) => group.map((q, k) => {
      const { question, label, truth } = D.lines[line][p][k], said = value(q) || null;
      const judged = { line, policy: names[p], question, answer: said, truth, right: said === truth, shown: said === null, label };
      verdict(q, judged);
      return judged;
    }));
    done.set(line, given);
    got(line, given.filter((each) => each.right).length, given.length);
    go(line);
    tell(`${given.map((each) => `${each.policy}, ${each.label}: ${each.truth}, ${words(each)}.`).join(" ")} ${score()}.`);
  }

  const words = ({ answer, truth, right, shown }) => (right ? "right" : shown ? "shown" : `you said ${answer}${almost(answer, truth)}`);
  const almost = (answer, truth) => (answer.toLowerCase() === truth.toLowerCase() ? ", another letter" : ""); // a is not A
  function verdict(q, judged) {
    const kind = judged.right ? "right" : judged.shown ? "shown" : "wrong", told = q.querySelector(".told");
    told.innerHTML = `<b class="${kind}">${{ right: "✓", wrong: "✗", shown: "–" }[kind]}</b><b class="mono"></b><span></span>`;
    told.children[1].textContent = judged.truth;
    told.children[2].textContent = words(judged);
  }

  function again() {
    done.clear();
    form.reset();
    go(0);
    tell(`From the start. ${score()}.`);
  }

  // What is taken away: a file, or a text in the clipboard.
  function record() {
    const given = answers().map(({ label, ...kept }) => kept);
    return JSON.stringify({ scenario: D.stepper.name, policies: names, answers: given, ...count() }, null, 1);
  }
  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([record()], { type: "application/json" }));
    link.download = `predict-${D.stepper.name}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    hint(`Exported: ${link.download}`);
  }
  async function copy() {
    try {
      await navigator.clipboard.writeText(record());
      hint("Copied: your answers as JSON.");
    } catch {
      hint("This page may not use the clipboard: Export gives you a file.");
    }
  }

  const act = { again, save, copy, show: settle, on: () => go(at + 1) };
  form.querySelectorAll("[data-do]").forEach((each) => (each.onclick = act[each.dataset.do]));
  form.onsubmit = answer;
  form.addEventListener("keydown", (event) => event.target.matches("input") && typed(event) && event.stopPropagation()); // else the Stepper steps
  // A digit chooses: in the question that has the focus, else in the first that is open.
  root.addEventListener("keydown", (event) => {
    if (mode !== "ask" || !typed(event) || !/^[1-9]$/.test(event.key) || event.target.matches("input[type=text]")) return;
    const group = event.target.closest("[role=radiogroup]") || asked(line).flat().find((q) => q.matches("[role]") && !value(q));
    const choice = group?.querySelectorAll("input")[event.key - 1];
    if (!choice) return;
    event.preventDefault();
    event.stopPropagation();
    choice.checked = true;
    choice.focus();
  }, true);
  stepper.addEventListener("cow-at", (event) => ((at = event.detail), show()));
  show();
};
