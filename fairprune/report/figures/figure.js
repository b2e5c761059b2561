"use strict";
// Without this, marks say the same by their native titles, and nothing is lost but the highlighting.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // marks carry the same words as labels
  document.body.append(tip);
  let shown = null;

  for (const title of document.querySelectorAll(".figure :is(.mark, .reference, .entry) > title")) {
    const owner = title.parentNode;
    owner.dataset.tip = title.textContent;
    owner.setAttribute("aria-label", title.textContent);
    title.remove(); // or the browser would show it as well
  }
  for (const series of document.querySelectorAll(".figure .series")) {
    series.querySelector(".mark")?.setAttribute("tabindex", "0"); // one stop a series; arrows go on from there
  }

  const pick = (owner) => {
    const figure = owner.closest(".figure");
    const group = owner.closest("[data-series]");
    if (!group) return;
    figure.classList.add("picked");
    for (const other of figure.querySelectorAll("[data-series]")) {
      other.classList.toggle("on", other.dataset.series === group.dataset.series);
    }
  };
  const show = (owner) => {
    hide();
    shown = owner;
    pick(owner);
    if (owner.classList.contains("entry")) return;
    tip.textContent = owner.dataset.tip;
    tip.hidden = false;
    const at = (owner.querySelector(".dot, .bar") ?? owner).getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const left = at.left + at.width / 2 - box.width / 2;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - box.width - 4))}px`;
    tip.style.top = `${at.top - box.height - 8 < 4 ? at.bottom + 8 : at.top - box.height - 8}px`;
  };
  const hide = () => {
    if (!shown) return;
    shown.closest(".figure").classList.remove("picked");
    tip.hidden = true;
    shown = null;
  };
  const owner = (event) => event.target.closest?.(".figure [data-tip]");

  let touched = null; // a first touch shows, a second follows the link
  document.addEventListener("pointerdown", (event) => {
    const now = event.pointerType === "touch" ? owner(event) : null;
    touched = now && now !== shown ? now : null;
    if (!now) hide();
    else show(now);
  });
  document.addEventListener("click", (event) => {
    if (touched && owner(event) === touched) event.preventDefault();
  });
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const now = owner(event);
    if (now) show(now);
    else if (shown && shown !== document.activeElement) hide();
  });
  document.addEventListener("focusin", (event) => (owner(event) ? show(owner(event)) : hide()));
  document.addEventListener("focusout", hide);
  addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const now = document.activeElement;
    if (!step || !now?.classList.contains("mark")) return;
    const marks = [...now.closest(".series").querySelectorAll(".mark")];
    marks[marks.indexOf(now) + step]?.focus();
    event.preventDefault();
  });
})();
