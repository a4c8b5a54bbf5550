import { expect, it } from "vitest";

import { hasRole, keepSession, readSession } from "./session/session";
import { inSight, leastWidth } from "./parts/rows";
import { countByKind, latencyBins, ratesOf, skewBins } from "./health/figures";
import { type Assessment, worstFirst } from "./health/monitors";
import { bySender, type Letter } from "./health/refused";
import { allowedIn } from "./layout/allowed";
import { fieldIn, refusalIn } from "./layout/refusal";
import { readPreferences } from "./layout/preferences";
import { readRoute, writeRoute } from "./layout/route";
import { type Alarm, inOrder } from "./register/alarms";
import { countsOf } from "./register/sites";
import type { DeviceHealth, Me } from "./api/types";
import { shortened, toldIn } from "./words/told";
import { wordsOf } from "./words/words";

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
  expect(readRoute("#/health/100%?site=a%")).toEqual({ section: "health", part: "100%", asked: { site: "a%" } });
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
  const found = latencyBins([-3, 4.9, 5, 70, 999, 1000, 50_000]);
  expect(found.map((bin) => bin.count)).toEqual([2, 1, 0, 0, 1, 0, 0, 1, 2]);
  expect(found.at(-1)?.name).toBe("≥ 1000");
});

it("clocks are counted in bins to both sides, which are open", () => {
  const found = skewBins([-5000, -1000, -0.9, 0, 0.9, 3, 2000]);
  expect(found.map((bin) => bin.count)).toEqual([1, 1, 0, 0, 3, 1, 0, 0, 1]);
  expect([found[0]?.name, found.at(-1)?.name]).toEqual(["< -1000", "≥ 1000"]);
});

it("a stream that has to come and does not is too low, and one of which nothing is expected is not", () => {
  const found = ratesOf({ rates_hz: { bsm: 7.9, spat: 1 }, expected_hz: { bsm: 10, rsi: 1 } });
  expect(found.map(({ stream, isLow }) => [stream, isLow])).toEqual([["bsm", true], ["rsi", true], ["spat", false]]);
  expect(ratesOf({ rates_hz: { bsm: 8 }, expected_hz: { bsm: 10 } })[0]?.isLow).toBe(false);
});

it("nonsense is told by sender, topic and reason, the newest first", () => {
  const letter = (time_us: number, device_id: string | null, reason: string): Letter => ({ time_us, device_id, reason, topic: "t", detail: "", size_bytes: 1, suppressed: 0 });
  const found = bySender([letter(1, "a", "undecodable"), letter(5, null, "unregistered"), letter(7, "a", "undecodable"), letter(6, "a", "truncated")]);
  expect(found.map(({ newest, count }) => [newest.time_us, newest.reason, count])).toEqual([[7, "undecodable", 2], [6, "truncated", 1], [5, "unregistered", 1]]);
});

it("assessments come by hour, what is bad first, and of this the worst", () => {
  const assessed = (begins: string, verdict: Assessment["verdict"], share: number) => ({ begins, verdict, share }) as Assessment;
  const found = worstFirst([assessed("1", "bad", 1), assessed("2", "too little", 1), assessed("2", "bad", 0.2), assessed("2", "good", 0), assessed("2", "bad", 0.4)]);
  expect(found.map(({ begins, verdict, share }) => [begins, verdict, share])).toEqual([["2", "bad", 0.4], ["2", "bad", 0.2], ["2", "good", 0], ["2", "too little", 1], ["1", "bad", 1]]);
});

it("a site's devices are counted over all kinds", () => {
  const row = { site_id: "hill", kind: "rsu", unheard: 1, offline: 2, impaired: 3, healthy: 4 } as const;
  expect(countsOf([row, { ...row, kind: "obu" }, { ...row, site_id: "other" }], "hill")).toEqual({ devices: 20, healthy: 8 });
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

it("a table needs what its columns need at least", () => {
  expect(leastWidth([{ width: "7rem" }, { width: "minmax(9rem, 1fr)" }, { width: "2fr" }])).toBe("calc(7rem + 9rem)");
});

it("codes of the registry have Chinese words, also those with more behind them, and others stay", () => {
  expect(["rsu", "rate-low bsm", "too little", "a site of stars"].map((text) => toldIn("zh", text))).toEqual(["路侧单元", "报文速率低 bsm", "数据太少", "a site of stars"]);
  expect(["rsu", "out_of_range", "pm2_5", "not_a_code"].map((text) => toldIn("en", text))).toEqual(["rsu", "out of range", "PM2.5", "not_a_code"]);
  expect(shortened(toldIn("zh", "trespass: id 000000000000c102 oval"))).toBe("无许可进入：id c102 oval");
  expect(toldIn("zh", "wrong way")).toBe(toldIn("zh", "wrong_way"));
});

it("what is allowed is told in words, not as a schema has it", () => {
  const [english, chinese] = [wordsOf("en"), wordsOf("zh")];
  expect(allowedIn(english, "String should match pattern '^[A-Za-z0-9_.-]{1,64}$'")).toBe("1 to 64 letters, digits, “_”, “.”, “-”");
  expect(allowedIn(english, "Input should be 'rsu', 'obu' or 'vehicle'")).toBe("one of rsu, obu, vehicle");
  expect(allowedIn(chinese, "Input should be less than or equal to 90")).toBe("不大于 90");
  expect(allowedIn(chinese, "a registered site")).toBe("已注册的场地");
  expect(allowedIn(chinese, "-5 is less than the minimum of 0.1")).toBe("不小于 0.1");
  expect(allowedIn(chinese, "operator on site 'hill'")).toBe("在hill的“操作员”角色");
  expect(allowedIn(english, "Value error, Input should be a valid string")).toBe("a text");
  expect(allowedIn(chinese, "List should have at least 3 items after validation, not 2")).toBe("不小于 3");
  expect(allowedIn(english, "a registered site")).toBe("a registered site");
  expect(allowedIn(chinese, "a rule that nobody knows")).toBe("a rule that nobody knows");
});

it("a refusal calls fields as forms do, beside their own names, and says what was found", () => {
  const [english, chinese] = [wordsOf("en"), wordsOf("zh")];
  expect(fieldIn(english, "[0].device_id")).toBe("Identifier (device_id)");
  expect(fieldIn(chinese, "roles[1].site")).toBe("角色（roles[1].site）");
  expect(fieldIn(chinese, "set.gap_m")).toBe("设定值（set.gap_m）");
  expect(fieldIn(english, "odd")).toBe("odd");
  expect(refusalIn(english, { field: "(document)", value: "{…}", allowed: "a place or a spot" })).toBe("What was filled in is not allowed as a whole; allowed is a place or a spot");
  expect(refusalIn(chinese, { field: "name", value: "nothing", allowed: "it is required", line: 3 })).toBe("第 3 行：名称（name）：不允许 空；允许的是：必填内容");
});
