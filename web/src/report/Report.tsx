// A run as one page.
import "./report.css";
import { useEffect } from "preact/hooks";

import { Curves } from "./Curves";
import type { Report as Data } from "./data";
import { Examples, Filtered } from "./Examples";
import { Headline } from "./Headline";
import { Origin } from "./Origin";
import { openForPrint } from "./print";
import { Problems } from "./Problems";
import { Rounds } from "./Rounds";
import { Spending } from "./Spending";
import { Warnings } from "./Warnings";

export function Report({ data }: { data: Data }) {
  useEffect(openForPrint, []);
  return (
    <main class="report">
      <Headline data={data} />
      <Warnings advice={data.advice} />
      {data.evaluations.when || data.steps.columns.step ? <Curves data={data} /> : null}
      {data.steps.columns.step && <Spending data={data} />}
      <Rounds rounds={data.rounds} />
      <Problems data={data} />
      {/* The tree viewer's place: `data.trees` is a list of kept trees. */}
      <Examples examples={data.examples} />
      <Filtered filtered={data.filtered} />
      <Origin data={data} />
    </main>
  );
}
