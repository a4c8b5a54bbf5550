// The seven sections. To add one's page: a component that takes PageProps, and its line here; it loads when it is first opened.

import { type ComponentType, lazy, type LazyExoticComponent } from "react";

import type { Me, Role, Site } from "../api/types";
import type { Key } from "../words/words";

export interface PageProps {
  readonly me: Me;
  readonly site: Site;
  /** What the address has after the section: `#/register/audit` → "audit". */
  readonly part: string;
  readonly asked: Readonly<Record<string, string>>;
}

export interface Section {
  readonly path: string;
  readonly word: Key;
  /** What one has to be on the site; the registry decides, and the page says so beforehand. */
  readonly needs: Role;
  readonly Page: LazyExoticComponent<ComponentType<PageProps>>;
}

export const SECTIONS: readonly Section[] = [
  { path: "map", word: "section.map", needs: "tester", Page: lazy(() => import("../map/page")) },
  { path: "time", word: "section.time", needs: "tester", Page: lazy(() => import("../past/page")) },
  { path: "register", word: "section.register", needs: "viewer", Page: lazy(() => import("../register/page")) },
  { path: "health", word: "section.health", needs: "viewer", Page: lazy(() => import("../health/page")) },
  { path: "applications", word: "section.applications", needs: "tester", Page: lazy(() => import("./applications")) },
  { path: "scenarios", word: "section.scenarios", needs: "viewer", Page: lazy(() => import("../scenarios/page")) },
  { path: "city", word: "section.city", needs: "tester", Page: lazy(() => import("../city/page")) },
];
