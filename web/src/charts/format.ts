// Numbers as readers want them. Python names a format; the names are all here.

export type Format = "number" | "percent" | "seconds" | "bytes";

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export function formatter(format: Format = "number"): (value: number | null | undefined) => string {
  const write = WRITERS[format];
  return (value) => (value === null || value === undefined || Number.isNaN(value) ? "–" : write(value));
}

/** In full: what a tooltip or a table says. */
export function inFull(format: Format = "number"): (value: number | null | undefined) => string {
  if (format !== "number") return formatter(format);
  return (value) => (value === null || value === undefined ? "–" : long(value));
}

const WRITERS: Record<Format, (value: number) => string> = {
  number: short,
  percent: share,
  seconds: duration,
  bytes: (value) => (value < 2 ** 30 ? `${whole.format(value / 2 ** 20)} MiB` : `${(value / 2 ** 30).toFixed(1)} GiB`),
};

function short(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && size < 1e-3 ? exponent(value) : compact.format(value);
}

function long(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return exponent(value);
  return (size >= 1000 ? whole : precise).format(value);
}

function share(value: number): string {
  const percent = 100 * value;
  const size = Math.abs(percent);
  if (size !== 0 && size < 1e-3) return `${exponent(percent)}%`;
  return size !== 0 && size < 1 ? `${Number(percent.toPrecision(2))}%` : `${percent.toFixed(1).replace(/\.0$/, "")}%`;
}

function exponent(value: number): string {
  return value.toExponential(1).replaceAll("-", "−");
}

function duration(value: number): string {
  if (value < 60) return `${Number(value.toFixed(1))} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min${rest(value % 60, "s")}`;
  return `${Math.floor(value / 3600)} h${rest((value % 3600) / 60, "min")}`;
}

function rest(value: number, unit: string): string {
  return Math.round(value) ? ` ${Math.round(value)} ${unit}` : "";
}
