import { expect, it } from "vitest";

import { dateIn, clockIn, instantIn, offsetNow } from "./zones";

it("a time is that of the site's clocks, wherever the reader is, and says how far they are ahead", () => {
  expect(instantIn("Asia/Shanghai", "2026-11-28T15:00")).toBe("2026-11-28T07:00:00.000Z");
  expect(dateIn("Asia/Shanghai", "en-GB", "2026-11-28T07:00:00Z")).toBe("28/11/2026, 15:00 GMT+8");
  expect(dateIn("Asia/Shanghai", "zh-CN", "2026-11-28T07:00:00Z")).toContain("15:00");
  expect(dateIn("UTC", "en-GB", "2026-11-28T00:00:00Z")).toContain("00:00");
  expect(instantIn("UTC", "")).toBeUndefined();
  expect(instantIn("UTC", "tomorrow")).toBeUndefined();
  expect(offsetNow("Asia/Shanghai", "en-GB")).toBe("GMT+8");
});

it("clocks that are put forward and back are read as they show it", () => {
  expect(instantIn("Europe/Berlin", "2026-03-29T01:00")).toBe("2026-03-29T00:00:00.000Z");
  expect(instantIn("Europe/Berlin", "2026-03-29T03:00")).toBe("2026-03-29T01:00:00.000Z");
  expect(instantIn("Europe/Berlin", "2026-10-25T02:00")).toBe("2026-10-25T00:00:00.000Z");
  expect(instantIn("Europe/Berlin", "2026-10-25T03:00")).toBe("2026-10-25T02:00:00.000Z");
  expect(instantIn("America/New_York", "2026-03-08T03:00")).toBe("2026-03-08T07:00:00.000Z");
});

it("a field shows an instant by the zone's clocks, and reads it back", () => {
  const at = Date.parse("2026-11-28T07:00:05.000Z");
  expect(clockIn("Asia/Shanghai", at)).toBe("2026-11-28T15:00:05");
  expect(Date.parse(instantIn("Asia/Shanghai", clockIn("Asia/Shanghai", at)) ?? "")).toBe(at);
  expect(clockIn("America/St_Johns", at)).toBe("2026-11-28T03:30:05");
});
