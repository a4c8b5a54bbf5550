// Who is logged in, kept over a reload and shared by the browser's tabs; gone when the registry says that it has ended.

import type { Me, Role } from "../api/types";

export interface Session {
  readonly token: string;
  readonly expires: string;
  readonly userName: string;
}

const PLACE = "chelu.session";
const RANKS: readonly Role[] = ["viewer", "tester", "operator", "administrator"];

export function readSession(storage: Storage, now: Date): Session | undefined {
  const text = storage.getItem(PLACE);
  if (!text) return undefined;
  try {
    const found = JSON.parse(text) as Session;
    return found.token && new Date(found.expires) > now ? found : undefined;
  } catch {
    return undefined;
  }
}

export function keepSession(storage: Storage, session: Session | undefined): void {
  if (session) storage.setItem(PLACE, JSON.stringify(session));
  else storage.removeItem(PLACE);
}

/** Whether a storage event of another tab is about the session. */
export function concernsSession(event: StorageEvent): boolean {
  return event.key === PLACE || event.key === null;
}

/** Whether one has at least this role on the site (null: on all sites), as the registry decides it. */
export function hasRole(me: Me, role: Role, site: string | null): boolean {
  return me.roles.some((mine) => RANKS.indexOf(mine.role) >= RANKS.indexOf(role) && (mine.site === null || mine.site === site));
}
