// A comparison as one page: the answer first, then what it rests on.
import "../report/report.css";
import "./compare.css";
import { useEffect, useMemo, useState } from "preact/hooks";

import { Choice } from "../charts";
import { openForPrint } from "../report/print";
import { Arms } from "./Arms";
import { Curves } from "./Curves";
import type { Comparison } from "./data";
import { Differs } from "./Differs";
import { Headline } from "./Headline";
import { Again } from "./Again";
import { Problems } from "./Problems";
import { Sorted } from "./Sorted";
import { Tuned } from "./Tuned";

export function Compare({ data }: { data: Comparison }) {
  useEffect(openForPrint, []);
  const [name, setName] = useState(data.metrics[0]!.name);
  const metric = data.metrics.find((one) => one.name === name)!;
  const options = useMemo(() => data.metrics.map((one) => ({ value: one.name, name: one.label })), [data]);
  return (
    <main class="report compare">
      <Headline data={data} />
      {options.length > 1 && <div class="controls"><Choice name="Metric" value={name} options={options} onChange={setName} /></div>}
      <Arms data={data} metric={metric} />
      <Curves data={data} metric={metric} />
      <Sorted table={data.table} />
      <Differs data={data} />
      <Tuned data={data} />
      <Problems data={data} />
      <Again data={data} />
    </main>
  );
}
