import { expect, it } from "vitest";

import { hasRole, keepSession, readSession } from "./session/session";
import { inSight } from "./parts/rows";
import { bins, countByKind } from "./health/figures";
import { readPreferences } from "./layout/preferences";
import { readRoute, writeRoute } from "./layout/route";
import { type Alarm, inOrder } from "./register/alarms";
import type { DeviceHealth, Me } from "./api/types";

function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as unknown as Storage;
}

it("a route is read back as it was written", () => {
  const asked = { site: "hill/side", at: "1=2&3" };
  expect(readRoute(writeRoute("register", "audit", asked))).toEqual({ section: "register", part: "audit", asked });
  expect(readRoute("")).toEqual({ section: "", part: "", asked: {} });
});

it("a session is kept until it expires, and what is no session is none", () => {
  const place = storage();
  keepSession(place, { token: "t", expires: "2030-01-01T00:00:00Z", userName: "wang" });
  expect(readSession(place, new Date("2029-12-31"))?.userName).toBe("wang");
  expect(readSession(place, new Date("2030-01-02"))).toBeUndefined();
  place.setItem("chelu.session", "{");
  expect(readSession(place, new Date("2029-12-31"))).toBeUndefined();
});

it("roles count on their site, on all sites, and include those below", () => {
  const me: Me = { name: "wang", user: "wang", scopes: null, roles: [{ site: "hill", role: "operator" }, { site: null, role: "viewer" }] };
  expect(hasRole(me, "tester", "hill")).toBe(true);
  expect(hasRole(me, "tester", "other")).toBe(false);
  expect(hasRole(me, "viewer", "other")).toBe(true);
  expect(hasRole(me, "administrator", "hill")).toBe(false);
});

it("language and theme are as chosen, else as the browser says", () => {
  const place = storage();
  expect(readPreferences(place, ["zh-CN", "en"], true)).toEqual({ language: "zh", theme: "dark" });
  place.setItem("chelu.preferences", '{"theme":"light"}');
  expect(readPreferences(place, ["de"], true)).toEqual({ language: "en", theme: "light" });
});

it("of ten thousand rows only those in sight exist", () => {
  expect(inSight(0, 720, 10_000)).toEqual({ first: 0, last: 28 });
  const { first, last } = inSight(180_000, 720, 10_000);
  expect(last - first).toBeLessThan(40);
  expect(inSight(360_000, 720, 10_000).last).toBe(10_000);
});

it("latencies are counted in bins that grow, the last one open", () => {
  const found = bins([-3, 4.9, 5, 70, 999, 1000, 50_000]);
  expect(found.map((bin) => bin.count)).toEqual([2, 1, 0, 0, 1, 0, 0, 1, 2]);
  expect(found.at(-1)?.name).toBe("≥ 1000");
});

it("alarms that nobody has seen to come first, of these the severest, and of those the oldest", () => {
  const alarm = (alarm_id: number, severity: Alarm["severity"], since: string, acknowledged: string | null = null) => ({ alarm_id, severity, since, acknowledged }) as Alarm;
  const found = inOrder([alarm(1, "critical", "1", "now"), alarm(2, "warning", "1"), alarm(3, "major", "2"), alarm(4, "major", "1")]);
  expect(found.map((one) => one.alarm_id)).toEqual([4, 3, 2, 1]);
});

it("devices are counted by kind and status, and all together when there are several kinds", () => {
  const device = (kind: string, status: string) => ({ kind, status }) as DeviceHealth;
  const rows = countByKind([device("rsu", "healthy"), device("obu", "offline"), device("obu", "healthy")]);
  expect(rows.map((row) => row.kind)).toEqual(["obu", "rsu", "all"]);
  expect(rows[2]?.counts).toEqual({ healthy: 2, impaired: 0, offline: 1, unheard: 0 });
});
