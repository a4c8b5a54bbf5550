// Plots by ECharts, of which only what is used here is loaded; colours are the page's.

import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { type ECharts, type EChartsCoreOption, init, use as load } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

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
    chart.current?.setOption(
      {
        color: [colour("--accent"), colour("--warn"), colour("--bad"), colour("--good"), colour("--faint")],
        textStyle: { color: colour("--faint"), fontFamily: "inherit" },
        grid: { left: 44, right: 12, top: hasLegend ? 34 : 14, bottom: 28 },
        ...(hasLegend ? { legend: { top: 0, type: "scroll", textStyle: { color: colour("--faint") } } } : {}),
        animation: false,
        tooltip: { trigger: "axis", renderMode: "richText" }, // HTML with styles is against the page's security policy
        ...option,
      },
      true,
    );
  }, [option, hasLegend]);
  return <div className="plot" ref={box} role="img" aria-label={label} />;
}
