// A value with its unit, as a verdict has it: none is a dash, what is infinite a sign.

import { useFormats } from "../words/words";
import { type Numeric, numeric } from "./api";

export function useSaid(): (value: Numeric, unit: string) => string {
  const { number } = useFormats();
  return (value, unit) => {
    const found = numeric(value);
    if (found === undefined) return "–";
    return Number.isFinite(found) ? `${number(found, 2)} ${unit}` : found > 0 ? "∞" : "−∞";
  };
}
