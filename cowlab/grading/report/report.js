// A script that shows something stands in the page as text; where scripts run it opens in the Stepper.
document.querySelectorAll("[data-steps]").forEach((place) => {
  const open = place.querySelector("button.open"), shows = place.querySelector(".shows"), room = place.querySelector(".room");
  const words = open.textContent;
  open.hidden = false;
  open.onclick = () => {
    const wanted = !room.firstChild;
    if (wanted) nest(room, unpack(JSON.parse(document.querySelector("script.cow-frames").textContent), +place.dataset.steps));
    else room.replaceChildren();
    shows.hidden = wanted;
    open.setAttribute("aria-expanded", wanted);
    open.textContent = wanted ? "Close the Stepper" : words;
    if (wanted) place.scrollIntoView({ block: "nearest" });
  };
});
