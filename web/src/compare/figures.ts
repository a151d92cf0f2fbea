// Values as the table writes them: shares in percent, differences of shares in points.
import { inFull, type Axis } from "../charts";
import type { Metric } from "./data";

const points = (value: number) => `${(100 * value).toFixed(1)}`;

export function writer(metric: Metric): (value: number) => string {
  return metric.share ? (value) => `${points(value)}%` : inFull();
}

export function differenceWriter(metric: Metric): (value: number) => string {
  const plain = inFull();
  return (value) => {
    const size = metric.share ? points(Math.abs(value)) : plain(Math.abs(value));
    return `${value < 0 ? "−" : "+"}${size}`;
  };
}

/** The axis of a metric's values; shares stay within 0 and 1. */
export function valuesAxis(metric: Metric, values: readonly number[]): Axis {
  const axis: Axis = { name: metric.label, format: metric.share ? "percent" : "number" };
  if (!metric.share || !values.length) return axis;
  if (Math.max(...values) > 0.9) axis.max = 1;
  if (Math.min(...values) < 0.1) axis.min = 0;
  return axis;
}

/** Which side of zero is better, in words. */
export function better(metric: Metric): string {
  return metric.direction > 0 ? "better →" : metric.direction < 0 ? "← better" : "";
}
