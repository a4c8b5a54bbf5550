// Plots by ECharts, of which only what is used here is loaded; colours are the page's.

import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { type ECharts, type EChartsCoreOption, init, use as load } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

import { useTheme } from "../layout/theme";

load([BarChart, LineChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

interface PlotProps {
  readonly label: string;
  /** Axes and series; colours and text sizes are put in here. */
  readonly option: EChartsCoreOption;
  /** Whether the series' names stand above. */
  readonly hasLegend?: boolean;
}

export default function Plot({ label, option, hasLegend = false }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const theme = useTheme();
  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current);
    chart.current = made;
    const watcher = new ResizeObserver(() => made.resize());
    watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const colours = { rule: colour("--line"), text: colour("--faint") };
    chart.current?.setOption(
      {
        color: [colour("--accent"), colour("--warn"), colour("--bad"), colour("--good"), colour("--faint")],
        textStyle: { color: colour("--faint"), fontFamily: "inherit" },
        grid: { left: 44, right: 12, top: hasLegend ? 34 : 14, bottom: 28 },
        ...(hasLegend ? { legend: { top: 0, type: "scroll", textStyle: { color: colour("--faint") } } } : {}),
        animation: false,
        tooltip: { trigger: "axis", renderMode: "richText" }, // HTML with styles is against the page's security policy
        ...option,
        xAxis: ruled(option.xAxis, colours),
        yAxis: ruled(option.yAxis, colours),
      },
      true,
    );
  }, [option, hasLegend, theme]); // colours are read anew with another theme
  return <div className="plot" ref={box} role="img" aria-label={label} />;
}

type Axis = Readonly<Record<string, unknown>>;
interface Colours {
  readonly rule: string;
  readonly text: string;
}

/** Axes in the page's colours; of several in one direction only the first has rules, since two grids cannot be read. */
export function ruled(axes: unknown, colours: Colours): unknown {
  if (Array.isArray(axes)) return axes.map((axis: Axis, at) => dressed(axis, colours, at === 0));
  return axes && dressed(axes as Axis, colours, (axes as Axis).type === "value");
}

function dressed(axis: Axis, { rule, text }: Colours, hasRules: boolean): Axis {
  return { ...axis, axisLabel: { ...(axis.axisLabel as Axis | undefined), color: text }, splitLine: { show: hasRules, lineStyle: { color: rule } } };
}
