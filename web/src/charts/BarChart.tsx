// Stacked bars: what a whole is made of, at each place of the axis.
import { useCallback, useMemo, useState } from "preact/hooks";

import { frame, tooltip, valueAxis, zoomable, type Axis } from "./axes";
import { Chart, type Range } from "./Chart";
import type { EChartsOption } from "./echarts";
import { inFull } from "./format";
import { Legend, useHidden } from "./Legend";
import { look } from "./style";
import type { Theme } from "./theme";
import { tip } from "./tooltip";

const MANY = 60; // more bars than this stand close

export interface Part {
  name: string;
  /** One for each place of the axis. */
  values: readonly number[];
}

export interface BarChartProps {
  title: string;
  note?: string;
  x: Axis;
  y: Axis;
  places: readonly (string | number)[];
  parts: readonly Part[];
  height?: number;
}

export function BarChart({ title, note, x, y, places, parts, height }: BarChartProps) {
  const [hidden, toggle] = useHidden();
  const [range, setRange] = useState<Range>(null);
  const looked = useMemo(() => parts.map((part, index) => ({ ...part, look: index })), [parts]);
  const draw = useCallback(
    (theme: Theme) => bars(x, y, places, looked.filter((part) => !hidden.has(part.name)), theme),
    [x, y, places, looked, hidden],
  );
  return (
    <figure class="chart">
      <figcaption>{title}{note && <small>{note}</small>}</figcaption>
      <Legend series={looked} hidden={hidden} onToggle={toggle} filled />
      <Chart draw={draw} label={`${title} by ${x.name}: ${parts.map((part) => part.name).join(", ")}`} height={height}
        range={range} onRange={setRange} />
    </figure>
  );
}

function bars(x: Axis, y: Axis, places: BarChartProps["places"], parts: readonly (Part & { look: number })[], theme: Theme): EChartsOption {
  const { axisLabel, axisLine, axisTick, name, nameLocation, nameGap, nameTextStyle } = valueAxis(x, theme, "x");
  const label = { ...axisLabel, formatter: undefined };
  return {
    ...frame(theme),
    ...zoomable(),
    xAxis: { type: "category", data: places.map(String), axisLabel: label, axisLine, axisTick, name, nameLocation, nameGap, nameTextStyle },
    yAxis: { ...valueAxis(y, theme, "y"), scale: false },
    tooltip: tooltip(theme, (hits) => hovered(hits, x, y, parts, theme)),
    series: parts.map((part) => ({
      type: "bar", name: part.name, stack: "all", data: [...part.values], barMaxWidth: 36, barCategoryGap: places.length > MANY ? 0 : "25%",
      color: theme.series[look(part.look).colour], itemStyle: { borderColor: theme.ground, borderWidth: places.length > MANY ? 0 : 0.5 },
      emphasis: { disabled: true },
    })),
  };
}

function hovered(hits: any[], x: Axis, y: Axis, parts: readonly (Part & { look: number })[], theme: Theme) {
  if (!hits.length) return "" as const;
  const write = inFull(y.format);
  const index = hits[0].dataIndex as number;
  const rows = parts.map((part) => ({ name: part.name, value: write(part.values[index]), colour: theme.series[look(part.look).colour]! }));
  const sum = parts.reduce((before, part) => before + (part.values[index] ?? 0), 0);
  return tip(`${x.name} ${hits[0].name}`, [...rows.reverse(), { name: "in all", value: write(sum), colour: "transparent" }]);
}
