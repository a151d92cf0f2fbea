// The parts of ECharts that the pages use; a part that is not named here is not in the bundle.
import { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts";
import { DataZoomInsideComponent, GridComponent, MarkLineComponent, ToolboxComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { EChartsOption } from "echarts/types/dist/shared";

use([
  BarChart, CustomChart, LineChart, ScatterChart,
  DataZoomInsideComponent, GridComponent, MarkLineComponent, ToolboxComponent, TooltipComponent,
  SVGRenderer,
]);

export { init, type EChartsOption, type EChartsType };
