import { expect, it } from "vitest";

import { aboutName, partyName, type StoredWarning } from "../past/warnings";
import { countsByHour, leadsOf } from "./counted";

const HOUR = 3600e6;
const hour = (at: number, application: string, count: number, imminent = 0) => ({ hour_us: at * HOUR, application, count, imminent });
const warning = (application: string, lead_s: number | null) => ({ application, lead_s }) as StoredWarning;

it("hours without a warning are counted as such", () => {
  const found = countsByHour([hour(3, "icw", 1), hour(1, "fcw", 5), hour(3, "fcw", 2)]);
  expect(found.hours).toEqual([HOUR, 2 * HOUR, 3 * HOUR]);
  expect(found.applications).toEqual([{ name: "fcw", counts: [5, 0, 2] }, { name: "icw", counts: [0, 0, 1] }]);
});

it("lead times are of those warnings that have one", () => {
  const hours = [hour(1, "fcw", 3, 1), hour(2, "fcw", 1), hour(2, "slw", 2)];
  const [fcw, slw] = leadsOf(hours, [warning("fcw", 3), warning("fcw", 1), warning("fcw", 2), warning("fcw", null), warning("slw", null)]);
  expect(fcw).toEqual({ application: "fcw", count: 4, imminent: 1, least: 1, median: 2, most: 3 });
  expect([slw?.count, slw?.median]).toEqual([2, undefined]);
});

it("road users and things have the names that the map gives them", () => {
  const speaks = { vehicle_id: "000000000000c001", participant_id: null, device_id: "rsu-1", speed_mps: null };
  const seen = { vehicle_id: null, participant_id: 7, device_id: "rsu-1", speed_mps: null };
  expect([partyName(speaks), partyName(seen)]).toEqual(["c001", "rsu-1 #7"]);
  expect(aboutName({ other: null, subject_kind: "stop line", subject_id: "4" } as StoredWarning)).toBe("stop line 4");
});
