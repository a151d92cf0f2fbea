// What hovering shows, built of text nodes: names that a run chose stay text.

export interface TipRow {
  name: string;
  value: string;
  colour: string;
}

export function tip(title: string, rows: readonly TipRow[]): HTMLElement {
  const box = element("div", "tip");
  box.append(element("div", "tip-title", title));
  for (const row of rows) {
    const line = element("div", "tip-row");
    const dot = element("span", "tip-dot");
    dot.style.background = row.colour;
    line.append(dot, element("span", "tip-name", row.name), element("span", "tip-value", row.value));
    box.append(line);
  }
  return box;
}

function element(tag: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
