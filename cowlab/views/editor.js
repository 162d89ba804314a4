// Replaces a cell of a policy row. Python makes the parts as HTML and says which text stands for the open cell; here they
// are put into their places, and what the learner does is sent: what has data-do when it is pressed, what has data-set
// when it changes. A part that did not change is not touched, so that what is typed, opened or focused stays. D.now has
// parts that are newer than those of the state.
VIEWS.editor = (root, D, ask) => {
  const SHELL = `<div data-part="head"></div>
    <div class="ed-two">
      <form class="ed-cells" data-part="cells" role="radiogroup" aria-label="The nine cells of the row"></form>
      <section class="ed-cell" aria-label="The open cell">
        <div data-part="cell"></div>
        <div class="ed-text"><div class="ed-lines" aria-hidden="true"></div>
          <textarea data-k="text" spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off" aria-label="Source of the decision"></textarea></div>
        <div class="bar"><button type="button" data-k="apply" class="ed-apply">Apply</button>
          <span class="keys"><span><kbd>Ctrl</kbd> <kbd>Enter</kbd> applies</span><span><kbd>Tab</kbd> leaves the text</span></span>
          <span class="ed-state" role="status"></span></div>
        <div class="ed-problem" data-part="problem" role="alert"></div>
        <div class="ed-result" data-part="result"></div>
        <div data-part="fields"></div>
      </section>
    </div>
    <section class="ed-part" data-part="atlas" tabindex="-1" aria-label="The atlas"></section>
    <div class="ed-two ed-even">
      <section class="ed-part" data-part="quick" tabindex="-1" aria-label="Small bounds"></section>
      <section class="ed-part" tabindex="-1" aria-label="Larger bounds"><div data-part="whole"></div><div data-part="job"></div></section>
    </div>
    <section class="ed-part ed-open" hidden aria-label="Step through it">
      <header><h2 class="cow-name" tabindex="-1"></h2><button type="button" class="ed-close">Close</button></header>
      <p class="lede"></p><div class="ed-stepper"></div></section>
    <div class="sr cow-say" aria-live="polite"></div>`;

  function build() {
    root.innerHTML = SHELL;
    const $ = (query) => root.querySelector(query);
    const text = $("textarea"), lines = $(".ed-lines"), state = $(".ed-state"), opened = $(".ed-open");
    const shown = {};
    let now = {}, applied = "", waits = false, opener = null;

    const changed = () => text.value !== applied;
    const send = (message) => {
      waits = true;
      ask(changed() && message.do !== "apply" ? { ...message, draft: text.value } : message);
      tell();
    };
    const apply = () => send({ do: "apply", text: text.value });

    // What stands beside Apply: whether Python is at it, or what it has not seen yet.
    function tell() {
      state.textContent = waits ? "Python is at it …" : changed() || now.pending ? "not applied yet" : "";
      const choose = $("select[data-set=choose]");
      if (choose && changed()) choose.value = "own";
    }

    function number() {
      const count = text.value.split("\n").length;
      text.rows = Math.max(7, Math.min(count, 30));
      lines.innerHTML = Array.from({ length: count }, (_, k) =>
        k + 1 === now.line && !changed() ? `<b>✗ ${k + 1}</b>` : `<span>${k + 1}</span>`).join("");
      lines.scrollTop = text.scrollTop;
    }

    // The focus stays on what has the same name; where that is gone, on the part that it stood in.
    function put(name, html) {
      if (shown[name] === html) return;
      const place = $(`[data-part=${name}]`), held = place.contains(document.activeElement) && document.activeElement;
      place.innerHTML = shown[name] = html;
      if (!held) return;
      const same = held.dataset.k && $(`[data-k="${CSS.escape(held.dataset.k)}"]`);
      (same || place.closest("[tabindex]") || root).focus({ preventScroll: true });
    }

    function step(open) {
      opened.hidden = !open;
      if (!open) {
        $(".ed-stepper").replaceChildren();
        return opener && $(`[data-k="${CSS.escape(opener)}"]`)?.focus();
      }
      opened.querySelector("h2").textContent = open.title;
      opened.querySelector("p.lede").textContent = open.lede;
      nest($(".ed-stepper"), open.frames);
      opened.scrollIntoView({ block: "nearest" });
      opened.querySelector("h2").focus({ preventScroll: true });
    }

    root.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-do]");
      if (!pressed) return;
      opener = (pressed.dataset.k ? pressed : pressed.querySelector("[data-k]"))?.dataset.k;
      send(JSON.parse(pressed.dataset.do));
    });
    root.addEventListener("change", (event) => {
      const { set } = event.target.dataset;
      if (set) send({ do: set, value: event.target.value });
    });
    $(".ed-apply").onclick = apply;
    $(".ed-close").onclick = () => send({ do: "close" });
    $(".ed-cells").onsubmit = (event) => event.preventDefault();
    text.oninput = () => (number(), tell());
    text.onscroll = () => (lines.scrollTop = text.scrollTop);
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.altKey) return;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) {
        event.stopPropagation(); // JupyterLab would run the cell
        return apply();
      }
      const before = text.value.slice(0, text.selectionStart).split("\n").pop();
      const indent = /^ */.exec(before)[0] + (/:\s*(#.*)?$/.test(before) ? "    " : "");
      document.execCommand("insertText", false, "\n" + indent); // can be undone, unlike a new value
    });

    return (data) => {
      const old = now;
      now = data;
      waits = false;
      for (const [name, html] of Object.entries({ ...data.parts, ...data.now })) put(name, html);
      applied = data.text;
      if (data.text_number !== old.text_number) text.value = data.text;
      text.setAttribute("aria-invalid", data.line > 0);
      number();
      tell();
      if (data.open?.key !== old.open?.key) step(data.open);
      $(".cow-say").textContent = data.say;
    };
  }

  root.cowShow = root.cowShow || build();
  root.cowShow(D);
};
