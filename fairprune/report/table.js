"use strict";
// Without this, tables stand in the study's order, with all rows.
(() => {
  const tables = [...document.querySelectorAll("table.sortable")];
  const said = document.getElementById("said");
  const form = document.querySelector("form.filter");
  if (!tables.length || !form) return;
  const rowsOf = (table) => [...table.querySelectorAll("tbody.rows > tr")];
  const order = new Map(tables.flatMap((table) => rowsOf(table).map((row, index) => [row, index])));
  const say = (text) => { said.textContent = text; };

  const compare = (column, sign) => (a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (x.dataset.v === undefined) return sign * x.textContent.localeCompare(y.textContent) || order.get(a) - order.get(b);
    if (!x.dataset.v || !y.dataset.v) return !x.dataset.v - !y.dataset.v || order.get(a) - order.get(b);
    return sign * (x.dataset.v - y.dataset.v) || order.get(a) - order.get(b);
  };
  const loosen = (table) => {
    const filtered = [...form.elements].some((field) => field.value);
    table.classList.toggle("loose", filtered || table.querySelector("[aria-sort]") !== null);
  };
  const sort = (table, head) => {
    const first = head.dataset.up === undefined ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const next = { [first]: second, [second]: null }[head.getAttribute("aria-sort")];
    const way = next === undefined ? first : next;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (way) head.setAttribute("aria-sort", way);
    const rows = rowsOf(table).sort(way
      ? compare(head.cellIndex, way === "ascending" ? 1 : -1)
      : (a, b) => order.get(a) - order.get(b));
    table.querySelector("tbody.rows").append(...rows);
    loosen(table);
    say(`${table.caption.textContent}: ${way ? `sorted by ${head.textContent}, ${way}` : "in the study's order"}.`);
  };
  for (const table of tables) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head));
      head.append(button);
    }
  }

  const method = (row) => row.cells[0].textContent;
  const target = (row) => row.cells[1].textContent;
  const verdict = (row) => row.dataset.verdict ?? "";
  const choices = { method, target, verdict };
  const every = tables.flatMap(rowsOf);
  for (const [name, of] of Object.entries(choices)) {
    for (const value of new Set(every.map(of))) {
      if (value) form.elements[name].append(new Option(value, value));
    }
  }
  const fade = (shown) => { // curves of methods that are filtered away
    for (const entry of document.querySelectorAll(".figure .entry")) {
      const name = entry.dataset.tip ?? entry.querySelector("title")?.textContent;
      const out = !shown.has(name) && known.has(name);
      for (const part of entry.closest("svg").querySelectorAll(`[data-series="${entry.dataset.series}"]`)) {
        part.classList.toggle("out", out);
      }
    }
  };
  const known = new Set(every.map(method));
  const filter = () => {
    const text = form.elements.text.value.trim().toLowerCase();
    const wanted = Object.entries(choices).map(([name, of]) => [form.elements[name].value, of]);
    const shown = every.filter((row) => {
      row.hidden = !(row.textContent.toLowerCase().includes(text) && wanted.every(([v, of]) => !v || of(row) === v));
      return !row.hidden;
    });
    tables.forEach(loosen);
    fade(new Set(shown.map(method)));
    say(`${shown.length} of ${every.length} rows are shown.`);
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  form.hidden = false;
})();
