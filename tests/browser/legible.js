// What is wrong with the text of these SVGs: [[number, complaint], ...]. Text over text, text outside its card,
// text under a line, text cut by a box. Runs in the page, where fonts are as a reader has them.
(svgs) => {
  const host = document.createElement("div");
  document.body.append(host);
  const found = [];
  const inside = (a, b, slack) => a.x >= b.x - slack && a.x + a.w <= b.x + b.w + slack && a.y >= b.y - slack && a.y + a.h <= b.y + b.h + slack;
  const meet = (a, b) => Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x) > 0.5 && Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y) > 0.5;
  const box = (element) => { const b = element.getBBox(); return { x: b.x, y: b.y, w: b.width, h: b.height }; };
  // a text's box is as high as its font: what the letters use is less
  const ink = (element) => { const b = box(element); return { x: b.x, y: b.y + b.h * 0.2, w: b.w, h: b.h * 0.62, s: element.textContent }; };
  svgs.forEach((svg, number) => {
    host.innerHTML = svg;
    const root = host.firstElementChild;
    const say = (words) => found.push([number, words]);
    const texts = [...root.querySelectorAll("text")].map(ink).filter((t) => t.w);
    const all = (query) => [...root.querySelectorAll(query)].map(box);
    const cards = all("rect.card, rect.free, rect.swapcard, path.card");
    const small = all("rect.plate, rect.b-w, rect.b-r, rect.b-s, rect.b-x, rect.b-nx, rect.b-bad");
    const picture = { x: -4, y: 0, w: root.viewBox.baseVal.width, h: root.viewBox.baseVal.height };
    texts.forEach((a, i) => {
      texts.slice(i + 1).forEach((b) => meet(a, b) && say(`"${a.s}" overlaps "${b.s}"`));
      if (!inside(a, picture, 0)) say(`"${a.s}" leaves the picture`);
      const home = cards.filter((card) => meet(a, card));
      if (home.length && !home.some((card) => inside(a, card, -2))) say(`"${a.s}" leaves its card`);
      small.forEach((b) => meet(a, b) && !inside(a, b, 1) && say(`"${a.s}" is cut by a box`));
    });
    root.querySelectorAll("path.l-w, path.l-r, path.l-s, path.ghost").forEach((line) => {
      const length = line.getTotalLength();
      for (let at = 0; at <= length; at += 3) {
        const p = line.getPointAtLength(at);
        const hit = texts.find((t) => p.x > t.x - 1 && p.x < t.x + t.w + 1 && p.y > t.y - 1 && p.y < t.y + t.h + 1);
        if (hit) { say(`"${hit.s}" is crossed by a line`); break; }
      }
    });
  });
  host.remove();
  return found;
}
