// Every page is one bundle: the data's `page` says which one is drawn.
import "./style.css";
import { render, type ComponentType } from "preact";

import { Compare } from "./compare/Compare";
import { readData, type PageData } from "./data";
import { Report } from "./report/Report";
import { TreesPage } from "./tree";
import { Watch } from "./watch/Watch";

const PAGES: Record<string, ComponentType<{ data: any }>> = { compare: Compare, report: Report, trees: TreesPage, watch: Watch };

const data: PageData = readData();
const Page = PAGES[data.page];
const root = document.getElementById("root")!;
if (Page) render(<Page data={data} />, root);
else root.textContent = `This page was made by another version of dsk: it holds no page called '${data.page}'.`;
