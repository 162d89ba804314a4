// What is wrong with these SVGs: [[number, complaint], ...]. Text over text, text outside its card, text under a line or
// a mark, text cut by a box; lines that look like one. Runs in the page, where fonts are as a reader has them.
(svgs) => {
  const host = document.createElement("div");
  host.innerHTML = svgs.join("");
  document.body.append(host);
  const found = [];
  const inside = (a, b, slack) => a.x >= b.x - slack && a.x + a.w <= b.x + b.w + slack && a.y >= b.y - slack && a.y + a.h <= b.y + b.h + slack;
  const meet = (a, b) => Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x) > 0.5 && Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y) > 0.5;
  const box = (element) => { const b = element.getBBox(); return { x: b.x, y: b.y, w: b.width, h: b.height }; };
  // a text's box is as high as its font: what the letters use is less
  const ink = (element) => { const b = box(element); return { x: b.x, y: b.y + b.h * 0.2, w: b.w, h: b.h * 0.62, s: element.textContent }; };
  // a line as thin boxes: it runs right, left, up and down, and a round corner lies inside the sharp one
  const strokes = (line) => {
    const d = line.getAttribute("d"), boxes = [];
    if (/[^MHVQ\d.\s-]/.test(d)) throw new Error(`a line that is not understood: ${d}`);
    let x = 0, y = 0;
    const to = (nx, ny) => {
      boxes.push({ x: Math.min(x, nx) - 1, y: Math.min(y, ny) - 1, w: Math.abs(nx - x) + 2, h: Math.abs(ny - y) + 2 });
      [x, y] = [nx, ny];
    };
    for (const [, command, rest] of d.matchAll(/([MHVQ])([^MHVQ]*)/g)) {
      const n = rest.trim().split(/\s+/).map(Number);
      if (command === "M") [x, y] = n;
      else if (command === "H") to(n[0], y);
      else if (command === "V") to(x, n[0]);
      else { to(n[0], n[1]); to(n[2], n[3]); }
    }
    return boxes;
  };
  // crossing lines share a spot, lines on one stretch share a length
  const together = (a, b) => meet(a, b) && Math.max(
    Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x), Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y)) > 8;
  [...host.children].forEach((root, number) => {
    const say = (words) => found.push([number, words]);
    const texts = [...root.querySelectorAll("text")].map(ink).filter((t) => t.w);
    const all = (query) => [...root.querySelectorAll(query)].map(box);
    const cards = all("rect.card, rect.free, rect.swapcard, path.card");
    const small = all("rect.plate, rect.b-w, rect.b-r, rect.b-s, rect.b-x, rect.b-nx, rect.b-bad");
    const marks = all(".joint, .ghostx, .g-map, .g-get, .g-pin, .g-swap, .lock-b, .dogear");
    const lines = [...root.querySelectorAll("path.l-w, path.l-r, path.l-s, path.ghost, path.hair")].map(strokes);
    const picture = { x: -4, y: 0, w: root.viewBox.baseVal.width, h: root.viewBox.baseVal.height };
    texts.forEach((a, i) => {
      texts.slice(i + 1).forEach((b) => meet(a, b) && say(`"${a.s}" overlaps "${b.s}"`));
      if (!inside(a, picture, 0)) say(`"${a.s}" leaves the picture`);
      const home = cards.filter((card) => meet(a, card));
      if (home.length && !home.some((card) => inside(a, card, -2))) say(`"${a.s}" leaves its card`);
      small.forEach((b) => meet(a, b) && !inside(a, b, 1) && say(`"${a.s}" is cut by a box`));
      if (marks.some((b) => meet(a, b))) say(`"${a.s}" is under a mark`);
      if (lines.some((boxes) => boxes.some((b) => meet(a, b)))) say(`"${a.s}" is crossed by a line`);
    });
    const living = [...root.querySelectorAll("path.l-w, path.l-r, path.l-s")].map(strokes);
    living.forEach((one, i) => living.slice(i + 1).forEach((other) => {
      if (one.some((a) => other.some((b) => together(a, b)))) say("two lines run on one stretch");
    }));
    all(".ghostx").forEach((cross) => living.flat().some((b) => meet(cross, b)) && say("a living line is crossed out"));
  });
  host.remove();
  return found;
}
