// A run as one page.
import "./report.css";
import type { ComponentChildren } from "preact";
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
import { Trees } from "./Trees";
import { Warnings } from "./Warnings";

interface Props {
  data: Data;
  /** In place of the trees in the data: a live page has its own. */
  trees?: ComponentChildren;
}

export function Report({ data, trees }: Props) {
  useEffect(openForPrint, []);
  return (
    <main class="report">
      <Headline data={data} />
      <Warnings advice={data.advice} />
      {data.evaluations.when || data.steps.columns.step ? <Curves data={data} /> : null}
      {data.steps.columns.step && <Spending data={data} />}
      <Rounds rounds={data.rounds} />
      <Problems data={data} />
      {trees ?? <Trees kept={data.trees} />}
      <Examples examples={data.examples} />
      <Filtered filtered={data.filtered} />
      <Origin data={data} />
    </main>
  );
}
