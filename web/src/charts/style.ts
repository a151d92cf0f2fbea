// How series are told apart: by colour, and by dash and marker for whoever sees the colours alike.

export interface Look {
  colour: number;
  dash: number[] | "solid";
  marker: "circle" | "rect" | "triangle" | "diamond";
}

const DASHES: Look["dash"][] = ["solid", [7, 4], [2, 3], [9, 3, 2, 3]];
const MARKERS: Look["marker"][] = ["circle", "rect", "triangle", "diamond"];
const COLOURS = 7;

/** The look of series `index`; looks repeat only after 28. */
export function look(index: number): Look {
  const turn = index + Math.floor(index / 28);
  return {
    colour: index % COLOURS,
    dash: DASHES[turn % DASHES.length]!,
    marker: MARKERS[turn % MARKERS.length]!,
  };
}
