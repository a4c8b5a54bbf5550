import { expect, it } from "vitest";

import type { Api } from "../api/client";
import { stoppedSites } from "./stopped";

const PRESSED = "2026-05-01T08:00:00Z";
const LATER = "2026-05-01T09:00:00Z";

/** A registry on which these sites have an alarm, and `stopped` is stopped. */
function registry(alarms: readonly string[], stopped: string | undefined): Pick<Api, "get"> {
  const get = (path: string) =>
    Promise.resolve(
      path === "/api/alarms"
        ? { alarms: alarms.map((subject) => ({ subject, since: LATER })) }
        : { in_force: path === `/api/sites/${stopped ?? ""}/stop` ? { pressed: PRESSED } : null },
    );
  return { get: get as unknown as Api["get"] };
}

const asked = (alarms: readonly string[], stopped: string | undefined, shown: string | undefined) =>
  stoppedSites(registry(alarms, stopped), shown, new AbortController().signal);

it("a stop in force is shown of every site, of the one that is shown by the stop itself", async () => {
  expect(await asked(["oval", "hill"], "hill", "hill")).toEqual([
    { site_id: "hill", since: PRESSED },
    { site_id: "oval", since: LATER },
  ]);
  expect(await asked([], "hill", "hill")).toEqual([{ site_id: "hill", since: PRESSED }]); // its alarm is switched off
  expect(await asked(["hill"], undefined, "hill")).toEqual([]); // it is released, and its alarm still clears
  expect(await asked(["oval"], undefined, undefined)).toEqual([{ site_id: "oval", since: LATER }]);
});
