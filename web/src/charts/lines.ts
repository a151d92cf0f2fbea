// The option of a line chart.
import { frame, tooltip, valueAxis, zoomable, type Axis } from "./axes";
import type { EChartsOption } from "./echarts";
import { inFull } from "./format";
import type { Mark, Series } from "./LineChart";
import { smoothed } from "./smooth";
import { look } from "./style";
import type { Theme } from "./theme";
import { tip } from "./tooltip";

const MARKED = 40; // more points than this are a line without markers
const FINE = 200; // more than this a thin line, unless it is smoothed
type Looked = Series & { look: number };

interface Lines {
  x: Axis;
  y: Axis;
  series: readonly Looked[];
  smoothing: number;
  marks?: readonly Mark[];
}

export function lines({ x, y, series, smoothing, marks = [] }: Lines, theme: Theme): EChartsOption {
  const drawn = series.flatMap((one, index) => [
    ...(one.low && one.high ? [band(one, theme)] : []),
    ...(smoothing > 0 ? [line(one, one.y, theme, 1, true)] : []),
    { ...line(one, smoothing > 0 ? smoothed(one.y, smoothing) : one.y, theme, width(one, smoothing)), ...(index ? {} : bounds(marks, theme)) },
  ]);
  return {
    ...frame(theme),
    ...zoomable(),
    xAxis: { ...valueAxis(x, theme, "x"), min: x.min ?? "dataMin", max: x.max ?? "dataMax" },
    yAxis: valueAxis(y, theme, "y"),
    tooltip: tooltip(theme, (hits) => hovered(hits, series, x, y, smoothing, theme)),
    series: drawn as EChartsOption["series"],
  };
}

function width(one: Looked, smoothing: number): number {
  return smoothing === 0 && one.x.length > FINE ? 1.25 : 2;
}

function line(one: Looked, values: readonly (number | null)[], theme: Theme, width: number, faint = false) {
  const { colour, dash, marker } = look(one.look);
  return {
    type: "line",
    name: faint ? `${one.name} ` : one.name,
    data: one.x.map((x, index) => [x, values[index] ?? null]),
    symbol: marker,
    symbolSize: 6,
    showSymbol: one.points || (!faint && one.x.length <= MARKED),
    silent: faint,
    connectNulls: true,
    color: theme.series[colour],
    lineStyle: { width: one.points ? 0 : width, type: dash, opacity: faint ? 0.35 : 1 },
    emphasis: { disabled: true },
    z: faint ? 2 : 3,
  };
}

function bounds(marks: readonly Mark[], theme: Theme) {
  return {
    markLine: {
      silent: true,
      symbol: "none",
      lineStyle: { color: theme.quiet, type: "dashed" },
      label: { show: false },
      data: marks.map(({ axis, value, name }) => (axis === "x" ? { xAxis: value, name } : { yAxis: value, name })),
    },
  };
}

/** Between the ends of the intervals; of a single point, a bar. */
function band(one: Looked, theme: Theme) {
  const places = one.x.map((x, i) => [x, one.low![i] ?? null, one.high![i] ?? null]).filter((p) => p[1] !== null && p[2] !== null);
  const colour = theme.series[look(one.look).colour]!;
  return {
    type: "custom",
    name: `${one.name} (interval)`,
    silent: true,
    clip: true,
    data: places,
    encode: { x: 0, y: [1, 2] },
    tooltip: { show: false },
    z: 1,
    renderItem: (params: { dataIndex: number }, api: { coord: (at: (number | null)[]) => number[] }) => {
      if (params.dataIndex !== 0) return null;
      const above = places.map(([x, , high]) => api.coord([x!, high!]));
      const below = places.map(([x, low]) => api.coord([x!, low!])).reverse();
      const points = [...above, ...below];
      return places.length > 1
        ? { type: "polygon", shape: { points }, style: { fill: colour, opacity: 0.16 } }
        : { type: "polyline", shape: { points }, style: { stroke: colour, lineWidth: 2, fill: "none" } };
    },
  };
}

function hovered(hits: any[], series: readonly Looked[], x: Axis, y: Axis, smoothing: number, theme: Theme) {
  const found = series.flatMap((one) => {
    const hit = hits.find((each) => each.seriesName === one.name && each.seriesType === "line");
    return hit ? [{ one, index: hit.dataIndex as number, value: hit.value[1] as number | null }] : [];
  });
  if (!found.length) return "";
  const write = inFull(y.format);
  const at = found[0]!;
  return tip(`${x.name} ${inFull(x.format)(at.one.x[at.index])}`, found.map(({ one, index, value }) => ({
    name: one.name,
    colour: theme.series[look(one.look).colour]!,
    value: [
      write(value),
      one.low && one.high ? `[${write(one.low[index])}, ${write(one.high[index])}]` : "",
      smoothing > 0 ? `(${write(one.y[index])})` : "",
    ].filter(Boolean).join(" "),
  })));
}
