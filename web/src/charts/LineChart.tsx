// Curves against one axis: hovered, zoomed, smoothed, with intervals as bands and a legend that switches curves off.
import { useCallback, useMemo, useState } from "preact/hooks";

import type { Axis } from "./axes";
import { Chart, type Range } from "./Chart";
import { Legend, useHidden } from "./Legend";
import { lines } from "./lines";

export interface Series {
  name: string;
  /** Ascending; as long as `y`. */
  x: readonly number[];
  /** Null where there is no figure. */
  y: readonly (number | null)[];
  /** Ends of the interval of each figure, drawn as a band. */
  low?: readonly (number | null)[];
  high?: readonly (number | null)[];
  /** Points alone, without a line between them. */
  points?: boolean;
  /** Which look it has (`look`); its place among the series where left out. */
  look?: number;
}

export interface Mark {
  value: number;
  name: string;
  /** The axis whose value it is; y where left out. */
  axis?: "x" | "y";
}

export interface LineChartProps {
  title: string;
  /** One sentence under the title. */
  note?: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  /** Weight of exponential averaging in [0, 1); the figures themselves stay behind as faint lines. Bands stay. */
  smoothing?: number;
  /** Dashed lines, such as a bound; their names stand in the note. */
  marks?: readonly Mark[];
  height?: number;
  range?: Range;
  onRange?: (range: Range) => void;
  onClick?: (series: Series, index: number) => void;
}

const NONE: readonly Mark[] = [];

/** Give `series`, `x`, `y` and `marks` stable identities (`useMemo`) where the page draws itself often. */
export function LineChart(props: LineChartProps) {
  const { title, note, x, y, series, smoothing = 0, marks = NONE, height, onClick } = props;
  const [own, setOwn] = useState<Range>(null);
  const [hidden, toggle] = useHidden();
  const looked = useMemo(() => series.map((one, index) => ({ ...one, look: one.look ?? index })), [series]);
  const shown = useMemo(() => looked.filter((one) => !hidden.has(one.name)), [looked, hidden]);
  const draw = useCallback(
    (theme: Parameters<typeof lines>[1]) => lines({ x, y, series: shown, smoothing, marks }, theme),
    [x, y, shown, smoothing, marks],
  );
  const click = onClick && ((event: { seriesName?: string; dataIndex: number }) => {
    const hit = shown.find((one) => one.name === event.seriesName);
    if (hit) onClick(hit, event.dataIndex);
  });
  return (
    <figure class="chart">
      <figcaption>{title}<small>{[note, ...marks.map((mark) => `dashed: ${mark.name}`)].filter(Boolean).join("; ")}</small></figcaption>
      {looked.length > 1 && <Legend series={looked} hidden={hidden} onToggle={toggle} />}
      <Chart draw={draw} label={spoken(props)} height={height} onClick={click}
        range={props.onRange ? (props.range ?? null) : own} onRange={props.onRange ?? setOwn} />
    </figure>
  );
}

function spoken({ title, x, series }: LineChartProps): string {
  return `${title} against ${x.name}: ${series.map((one) => `${one.name}, ${one.x.length} points`).join("; ")}`;
}
