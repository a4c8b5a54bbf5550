// What the plots of warnings show: counts by hour and application, and lead times over all hours.

import type { StoredWarning } from "../past/warnings";

export interface Hour {
  readonly hour_us: number;
  readonly application: string;
  readonly count: number;
  readonly imminent: number;
}

const HOUR_US = 3600e6;

/** Every hour from the first to the last, those without a warning too; and each application's count in each. */
export function countsByHour(found: readonly Hour[]): { hours: number[]; applications: { name: string; counts: number[] }[] } {
  const times = found.map((one) => one.hour_us);
  const hours: number[] = [];
  for (let us = Math.min(...times); us <= Math.max(...times); us += HOUR_US) hours.push(us);
  const names = [...new Set(found.map((one) => one.application))].sort();
  const count = (name: string, us: number) => found.find((one) => one.application === name && one.hour_us === us)?.count ?? 0;
  return { hours, applications: names.map((name) => ({ name, counts: hours.map((us) => count(name, us)) })) };
}

export interface Lead {
  readonly application: string;
  readonly count: number;
  readonly imminent: number;
  readonly least: number | undefined;
  readonly median: number | undefined;
  readonly most: number | undefined;
}

/** By application how many there were, and the lead times of those that are listed. */
export function leadsOf(hours: readonly Hour[], warnings: readonly StoredWarning[]): Lead[] {
  const names = [...new Set(hours.map((one) => one.application))].sort();
  return names.map((application) => {
    const mine = hours.filter((one) => one.application === application);
    const leads = warnings.flatMap((one) => (one.application === application && one.lead_s !== null ? [one.lead_s] : [])).sort((one, two) => one - two);
    const sum = (of: (hour: Hour) => number) => mine.reduce((total, hour) => total + of(hour), 0);
    return {
      application,
      count: sum((hour) => hour.count),
      imminent: sum((hour) => hour.imminent),
      least: leads[0],
      median: leads[Math.floor(leads.length / 2)],
      most: leads.at(-1),
    };
  });
}
