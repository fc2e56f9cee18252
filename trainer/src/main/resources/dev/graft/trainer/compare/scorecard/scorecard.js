{
  const card = JSON.parse(document.getElementById("scorecard").textContent);
  const byId = id => document.getElementById(id);
  const PAGE = 25;
  let shown = [], page = 0;

  const options = (select, names, chosen) => names.forEach((name, i) => {
    const option = document.createElement("option");
    option.value = i;
    option.textContent = name;
    option.selected = i === chosen;
    select.append(option);
  });
  const base = Math.max(0, card.contestants.indexOf(card.baseline));
  const other = card.contestants.length > 1 ? (base === 0 ? 1 : 0) : 0;
  options(byId("f-scorer"), card.scorers, 0);
  options(byId("f-left"), card.contestants, other);
  options(byId("f-right"), card.contestants, base);

  const element = (tag, text, css) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (css) made.className = css;
    return made;
  };

  const filter = () => {
    const s = +byId("f-scorer").value, rule = byId("f-rule").value;
    const l = +byId("f-left").value, r = +byId("f-right").value;
    const words = byId("f-text").value.toLowerCase();
    const sign = card.lower[s] ? -1 : 1;
    shown = card.examples.filter(example => {
      const a = example.c[l].v[s], b = example.c[r].v[s];
      const known = a !== null && b !== null;
      const wanted = rule === "all"
        || rule === "below" && known && sign * a < sign * b
        || rule === "above" && known && sign * a > sign * b
        || rule === "low" && a !== null && (sign < 0 ? a > 0 : a < 1)
        || rule === "missing" && example.c[l].e !== undefined;
      return wanted && (!words || example.id.toLowerCase() === words
        || [example.q, example.r, ...example.c.map(it => it.a ?? it.e ?? "")].some(it => it.toLowerCase().includes(words)));
    });
    page = 0;
    draw();
  };

  const side = (name, answer, s) => {
    const box = element("div", undefined, "side");
    const heading = element("h4", name + " ");
    const value = answer.v[s];
    if (value !== null) {
      const right = card.lower[s] ? value === 0 : value === 1;
      const tone = right ? "good" : value === 0 || card.lower[s] ? "bad" : "warn";
      heading.append(element("span", `${card.scorers[s]} ${Number(value.toFixed(3))}`, "pill " + tone));
    }
    box.append(heading);
    if (answer.e !== undefined) {
      box.append(element("p", "no answer: " + answer.e, "bad"));
    } else {
      box.append(element("pre", answer.a));
    }
    if (answer.f) {
      const table = element("table");
      for (const [field, expected, given, right] of answer.f) {
        const row = element("tr", undefined, right ? "" : "wrong");
        // A long name breaks behind an underscore, if it has to.
        row.append(element("td", field.replaceAll("_", "_\u200b")));
        const cell = element("td");
        if (right) {
          cell.append(element("span", given || "–"));
        } else {
          cell.append(element("del", given || "(nothing)"), " ", element("ins", expected || "(nothing)"));
        }
        row.append(cell);
        table.append(row);
      }
      box.append(table);
    }
    return box;
  };

  const draw = () => {
    const s = +byId("f-scorer").value;
    const list = byId("examples");
    list.replaceChildren();
    const from = page * PAGE, to = Math.min(shown.length, from + PAGE);
    for (const example of shown.slice(from, to)) {
      const details = element("details", undefined, "example");
      const summary = element("summary");
      summary.append(element("strong", example.id));
      summary.append(element("span", example.q.slice(0, 300), "text"));
      example.c.forEach((answer, i) => {
        const value = answer.v[s];
        summary.append(element("span",
          `${card.contestants[i]} ${answer.e !== undefined ? "no answer" : value === null ? "–" : Number(value.toFixed(2))}`,
          "small soft"));
      });
      details.append(summary);
      // The texts of 2,000 examples are made only for those that are looked at.
      details.addEventListener("toggle", () => {
        if (!details.open || details.childElementCount > 1) return;
        const sides = element("div", undefined, "sides");
        for (const [name, text] of [["input", example.q], ["reference", example.r]]) {
          const box = element("div", undefined, "side");
          box.append(element("h4", name), element("pre", text));
          sides.append(box);
        }
        example.c.forEach((answer, i) => sides.append(side(card.contestants[i], answer, s)));
        details.append(sides);
      });
      list.append(details);
    }
    const count = (list) => list.length.toLocaleString("en");
    byId("count").textContent = `${count(shown)} of ${count(card.examples)} examples`;
    byId("where").textContent = shown.length ? `${from + 1} to ${to}` : "";
    byId("previous").disabled = page === 0;
    byId("next").disabled = to >= shown.length;
  };

  for (const id of ["f-scorer", "f-rule", "f-left", "f-right"]) byId(id).addEventListener("change", filter);
  byId("f-text").addEventListener("input", filter);
  byId("previous").addEventListener("click", () => { page--; draw(); });
  byId("next").addEventListener("click", () => { page++; draw(); });
  filter();
}
