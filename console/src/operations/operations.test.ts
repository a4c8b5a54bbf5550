import { expect, it } from "vitest";

import type { Site } from "../api/types";
import { Form } from "../parts/ask";
import { polygonOf } from "./area";
import { linesOf, selectionOf } from "./configuration";
import { secretsCsv, typeOf } from "./import";
import { rolesOf } from "./people";


const site = { site_id: "hillside" } as Site;
function form(values: Record<string, string>): Form {
  const data = new FormData();
  for (const [name, value] of Object.entries(values)) data.set(name, value);
  return new Form(data);
}

it("a form's fields are texts, numbers, instants or values, and what is empty is left out", () => {
  const filled = form({ name: " a ", none: "", count: "5", list: "[1, 2]", word: "DEBUG" });
  expect([filled.text("name"), filled.some("none"), filled.number("count"), filled.number("none")]).toEqual(["a", undefined, 5, undefined]);
  expect([filled.value("list"), filled.value("word"), filled.value("count")]).toEqual([[1, 2], "DEBUG", 5]);
  expect(filled.instant("none", "UTC")).toBeUndefined();
});

it("a configuration is a line for every field that is desired, and says where the device differs", () => {
  const about = { kind: "rsu" as const, said: null, state: null };
  const lines = linesOf([
    { ...about, device_id: "rsu-1", desired: { heartbeat_s: 5, level: "INFO" }, reported: { heartbeat_s: 10, level: "INFO" }, differences: [{ field: "heartbeat_s", desired: 5, reported: 10 }] },
    { ...about, device_id: "rsu-2", desired: null, reported: null, differences: [] },
    { ...about, device_id: "rsu-3", desired: null, reported: { level: "INFO" }, differences: [] },
  ]);
  expect(lines.map((one) => [one.device, one.field, one.desired, one.reported, one.differs])).toEqual([
    ["rsu-1", "heartbeat_s", "5", "10", true],
    ["rsu-1", "level", "INFO", "INFO", false],
    ["rsu-2", "–", "–", "–", false],
    ["rsu-3", "level", "–", "INFO", false],
  ]);
});

it("devices are those that are named, else all of the kind on the site", () => {
  expect(selectionOf(form({ devices: "a, b", kind: "rsu" }), site)).toEqual({ devices: ["a", "b"] });
  expect(selectionOf(form({ devices: " ", kind: "rsu" }), site)).toEqual({ site: "hillside", kind: "rsu" });
});

it("a role is given here or everywhere, and roles elsewhere stay", () => {
  const present = [{ site: "other", role: "viewer" as const }, { site: "hillside", role: "viewer" as const }];
  expect(rolesOf(form({ role: "operator", where: "site" }), site, present)).toEqual([present[0], { site: "hillside", role: "operator" }]);
  expect(rolesOf(form({ role: "", where: "site" }), site, present)).toEqual([present[0]]);
  expect(rolesOf(form({ role: "tester", where: "all" }), site)).toEqual([{ site: null, role: "tester" }]);
  const everywhere = [{ site: null, role: "administrator" as const }, ...present];
  expect(rolesOf(form({ role: "viewer", where: "site" }), site, everywhere)).toEqual([present[0], { site: "hillside", role: "viewer" }]);
});

it("corners become a closed ring, longitude first", () => {
  expect(polygonOf("1, 2\n\n3 4\n5,6").coordinates).toEqual([[[2, 1], [4, 3], [6, 5], [2, 1]]]);
});

it("a file is read by its name, and secrets are a table", () => {
  expect([typeOf(new File([], "a.GeoJSON")), typeOf(new File([], "a.csv"))]).toEqual(["application/geo+json", "text/csv"]);
  expect(secretsCsv([{ device_id: "a", device_key: 1, secret: "s" }])).toBe("device_id,secret\na,s\n");
});
