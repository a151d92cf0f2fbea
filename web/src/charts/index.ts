// Charts of every page. A page picks a chart, gives it data, and holds what its reader sets (axis, smoothing, range).
import "./charts.css";

export { frame, tooltip, valueAxis, zoomable, type Axis } from "./axes";
export { BarChart, type BarChartProps, type Part } from "./BarChart";
export { Chart, type ChartProps, type Range } from "./Chart";
export { Choice, Smoothing } from "./controls";
export { formatter, inFull, type Format } from "./format";
export { IntervalChart, type IntervalRow } from "./IntervalChart";
export { Legend, Swatch } from "./Legend";
export { LineChart, type LineChartProps, type Mark, type Series } from "./LineChart";
export { smoothed } from "./smooth";
export { look, type Look } from "./style";
export type { Theme } from "./theme";
export { tip, type TipRow } from "./tooltip";
