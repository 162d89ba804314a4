// What is too faint to read in this page: [complaint, ...]. Text is held against what really lies under its middle, lines
// and borders of the picture against paper and card. 4.5 is asked of text, 3 of large text and of marks (WCAG 2.2, AA).
() => {
  const numbers = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const solid = (color) => color && color !== "none" && (numbers(color)[3] ?? 1) > 0.99;
  const light = (color) => {
    const [r, g, b] = numbers(color).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const style = (element) => getComputedStyle(element);
  const fill = (element) => (element instanceof SVGElement && element.tagName !== "svg" ? style(element).fill : style(element).backgroundColor);
  const found = new Set();
  const texts = document.createTreeWalker(document.querySelector(".cowlab"), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement, range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), words = node.data.trim();
    if (!words || box.width < 2 || element.closest(".sr, script, style")) continue;
    const svgText = element.closest("text");
    const below = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const ground = below.find((under) => !(svgText && under.closest("text")) && solid(fill(under)));
    if (!ground) { found.add(`"${words}" lies on nothing`); continue; }
    const color = svgText ? style(element).fill : style(element).color;
    const size = parseFloat(style(element).fontSize), large = size >= 24 || (size >= 18.66 && +style(element).fontWeight >= 700);
    const ratio = contrast(color, fill(ground));
    if (ratio < (large ? 3 : 4.5)) found.add(`"${words}" has a contrast of ${ratio.toFixed(1)}`);
  }
  const probe = document.querySelector(".cowlab").appendChild(document.createElement("i"));
  const grounds = ["--paper", "--card"].map((name) => ((probe.style.color = `var(${name})`), style(probe).color));
  probe.remove();
  document.querySelectorAll(".l-w, .l-r, .l-s, .card, .chg, .badcard, .swapcard, .plate, .b-w, .b-r, .b-s, .b-x, .b-nx, .ghost, .ghostx, .g-map, .g-get, .g-pin, .joint").forEach((mark) => {
    const color = solid(style(mark).stroke) ? style(mark).stroke : style(mark).fill;
    const ratio = Math.min(...grounds.map((ground) => contrast(color, ground)));
    if (ratio < 3) found.add(`${mark.getAttribute("class")} has a contrast of ${ratio.toFixed(1)}`);
  });
  return [...found];
}
