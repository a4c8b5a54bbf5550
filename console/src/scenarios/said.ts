// Values with their units, as a verdict has them: none is a dash, what is infinite a sign; and how a run was driven.

import { useFormats, type Words } from "../words/words";
import { type Numeric, numeric } from "./api";

export function useSaid(): (value: Numeric, unit: string) => string {
  const { number } = useFormats();
  return (value, unit) => {
    const found = numeric(value);
    if (found === undefined) return "–";
    return Number.isFinite(found) ? `${number(found, 2)} ${unit}` : found > 0 ? "∞" : "−∞";
  };
}

const MODES = ["memory", "platform", "loop", "recording"] as const;

/** How a run was driven; a mode that is none of Chelu's own as it is called. */
export function modeOf(mode: string, words: Words): string {
  const known = MODES.find((one) => one === mode);
  return known ? words(`runs.mode.${known}`) : mode;
}
