import { expect, it } from "vitest";

import { dateIn, instantIn } from "./zones";

it("a time is that of the site's clocks, wherever the reader is, and says how far they are ahead", () => {
  expect(instantIn("Asia/Shanghai", "2026-11-28T15:00")).toBe("2026-11-28T07:00:00.000Z");
  expect(dateIn("Asia/Shanghai", "en-GB", "2026-11-28T07:00:00Z")).toBe("28/11/2026, 15:00 GMT+8");
  expect(dateIn("Asia/Shanghai", "zh-CN", "2026-11-28T07:00:00Z")).toContain("15:00");
  expect(dateIn("UTC", "en-GB", "2026-11-28T00:00:00Z")).toContain("00:00");
  expect(instantIn("UTC", "")).toBeUndefined();
});

it("clocks that are put forward and back are read as they show it", () => {
  expect(instantIn("Europe/Berlin", "2026-03-29T01:00")).toBe("2026-03-29T00:00:00.000Z");
  expect(instantIn("Europe/Berlin", "2026-03-29T03:00")).toBe("2026-03-29T01:00:00.000Z");
  expect(instantIn("Europe/Berlin", "2026-10-25T02:00")).toBe("2026-10-25T00:00:00.000Z");
  expect(instantIn("Europe/Berlin", "2026-10-25T03:00")).toBe("2026-10-25T02:00:00.000Z");
  expect(instantIn("America/New_York", "2026-03-08T03:00")).toBe("2026-03-08T07:00:00.000Z");
});
