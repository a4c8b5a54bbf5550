import { afterEach, describe, expect, it, vi } from "vitest";

import { address, Api } from "./client";
import { readProblem, RefusedError, UnreachableError } from "./problem";

const REFUSAL = {
  type: "about:blank",
  title: "Unprocessable Entity",
  status: 422,
  detail: "[0].latitude_deg = 91 is not allowed",
  errors: [{ field: "[0].latitude_deg", value: "91", allowed: "at most 90" }],
};

function answering(answer: () => Response | Promise<Response>) {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", (url: string, given: RequestInit) => {
    asked.push(new Request(new URL(url, "http://site.example"), given));
    return Promise.resolve().then(answer);
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe("the API", () => {
  it("sends the session's token and what is asked for", async () => {
    const asked = answering(() => Response.json([1]));
    expect(await new Api("abc", vi.fn()).get("/api/devices", { site: "a b", after: undefined })).toEqual([1]);
    expect(asked[0]?.url).toBe("http://site.example/api/devices?site=a+b");
    expect(asked[0]?.headers.get("Authorization")).toBe("Bearer abc");
  });

  it("makes a refusal an error that names field, value and what is allowed", async () => {
    answering(() => Response.json(REFUSAL, { status: 422 }));
    const error: unknown = await new Api("abc", vi.fn()).send("POST", "/api/devices", []).catch((found: unknown) => found);
    expect(error).toBeInstanceOf(RefusedError);
    expect((error as RefusedError).problem.errors).toEqual(REFUSAL.errors);
  });

  it("tells when the session has ended, and not when a login was wrong", async () => {
    const onEnded = vi.fn();
    answering(() => Response.json({ ...REFUSAL, status: 401, errors: undefined }, { status: 401 }));
    await expect(new Api(undefined, onEnded).send("POST", "/api/login", {})).rejects.toBeInstanceOf(RefusedError);
    expect(onEnded).not.toHaveBeenCalled();
    await expect(new Api("abc", onEnded).get("/api/me")).rejects.toBeInstanceOf(RefusedError);
    expect(onEnded).toHaveBeenCalledOnce();
  });

  it("says that nobody answered", async () => {
    answering(() => Promise.reject(new TypeError("failed to fetch")));
    await expect(new Api("abc", vi.fn()).get("/api/me")).rejects.toBeInstanceOf(UnreachableError);
  });

  it("reads JSON lines", async () => {
    answering(() => new Response('{"a":1}\n{"a":2}\n'));
    expect(await new Api("abc", vi.fn()).lines("/api/streams/bsm")).toEqual([{ a: 1 }, { a: 2 }]);
  });
});

it("an answer of a proxy that is no document keeps its status", () => {
  expect(readProblem(502, "Bad Gateway", "<html>")).toEqual({ title: "Bad Gateway", status: 502, detail: "Bad Gateway", errors: [] });
});

it("an address has no question mark when nothing is asked", () => {
  expect(address("/api/sites", { limit: undefined })).toBe("/api/sites");
});
