// Who may log in, with which roles; and the keys of programs. A password and a key that the registry made are shown once.

import { useState } from "react";

import { UnreachableError } from "../api/problem";
import type { Me, Role, Site, SiteRole } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { Table } from "../parts/table";
import { Secret } from "../register/secret";
import { hasRole } from "../session/session";
import { useFormats, useWords, useZone, type Words } from "../words/words";
import { End } from "./track";

interface User {
  readonly user_name: string;
  readonly full_name: string;
  readonly is_active: boolean;
  readonly team: string | null;
  readonly roles: readonly SiteRole[];
  readonly version: number;
}

interface Key {
  readonly name: string;
  readonly owner: string | null;
  readonly scopes: readonly string[] | null;
  readonly expires: string | null;
  readonly is_session: boolean;
  readonly created: string;
}

interface Shown {
  readonly whose: string;
  readonly secret: string;
  readonly what: "password" | "key";
}

const ROLES: readonly Role[] = ["viewer", "tester", "operator", "administrator"];

export function People({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [shown, setShown] = useState<Shown>();
  return (
    <>
      {hasRole(me, "administrator", null) ? <Users me={me} site={site} show={setShown} /> : <p className="note">{words("people.needsRole")}</p>}
      <Keys me={me} show={setShown} />
      {shown && <Secret device={shown.whose} secret={shown.secret} note={words(`people.once.${shown.what}`)} close={() => setShown(undefined)} />}
    </>
  );
}

function Users({ me, site, show }: { me: Me; site: Site; show: (shown: Shown) => void }) {
  const words = useWords();
  const [asking, setAsking] = useState<User | "new">();
  const users = useLoaded("users", (api, signal) => api.get<readonly User[]>("/api/users", {}, signal));
  if (!users.value) return users.failure ? <Failed failure={users.failure} retry={users.reload} /> : <Loading />;
  return (
    <section className="card">
      {users.failure && <FailureNote failure={users.failure} />}
      <div className="row">
        <h2>{words("people.users")}</h2>
        <span className="end">
          <button type="button" className="main" onClick={() => setAsking("new")}>
            {words("people.add")}
          </button>
        </span>
      </div>
      <Table
        label={words("people.users")}
        heads={[words("login.name"), words("register.column.name"), words("people.roles"), words("track.team"), words("people.state"), ""]}
        rows={users.value}
        keyOf={(one) => one.user_name}
        none="–"
        cells={(one) => [
          one.user_name,
          one.full_name || "–",
          rolesInWords(words, one.roles) || "–",
          one.team ?? "–",
          <span key="state" className={`mark ${one.is_active ? "healthy" : ""}`}>
            {words(one.is_active ? "people.active" : "people.inactive")}
          </span>,
          <span key="do" className="row">
            <button type="button" onClick={() => setAsking(one)} aria-label={words("people.change.one", { name: one.user_name })}>
              {words("people.change")}
            </button>
            {one.user_name !== me.user && <End path={`/api/users/${encodeURIComponent(one.user_name)}`} word={words("people.delete", { name: one.user_name })} done={users.reload} />}
          </span>,
        ]}
      />
      {asking === "new" && <AddUser site={site} close={() => setAsking(undefined)} done={users.reload} show={show} />}
      {asking && asking !== "new" && <ChangeUser user={asking} site={site} close={() => setAsking(undefined)} done={users.reload} />}
    </section>
  );
}

function rolesInWords(words: Words, roles: readonly SiteRole[]): string {
  return roles.map((role) => `${words(`role.${role.role}`)} (${role.site ?? words("screen.allSites")})`).join(", ");
}

/** Which of a person's roles the form is about: what they are on all sites, before what they are on this one. */
export function editedRole(site: Site, present: readonly SiteRole[]): SiteRole | undefined {
  return present.find((one) => one.site === null) ?? present.find((one) => one.site === site.site_id);
}

/** The role on this site or on all in place of the one that was edited; the person's roles elsewhere are left as they are. */
export function rolesOf(form: Form, site: Site, present: readonly SiteRole[] = []): SiteRole[] {
  const where = form.text("where") === "all" ? null : site.site_id;
  const role = form.some("role") as Role | undefined;
  const edited = editedRole(site, present);
  return [...present.filter((one) => one !== edited && one.site !== where), ...(role ? [{ site: where, role }] : [])];
}

function RoleFields({ site, present = [] }: { site: Site; present?: readonly SiteRole[] }) {
  const words = useWords();
  const edited = editedRole(site, present);
  const others = present.filter((one) => one !== edited);
  return (
    <>
      <label>
        {words("people.role")}
        <select name="role" defaultValue={edited?.role ?? ""}>
          <option value="">{words("screen.noRights.nothing")}</option>
          {ROLES.map((one) => (
            <option key={one} value={one}>
              {words(`role.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words("people.where")}
        <select name="where" defaultValue={edited?.site === null ? "all" : "site"}>
          <option value="site">{site.name || site.site_id}</option>
          <option value="all">{words("screen.allSites")}</option>
        </select>
      </label>
      {others.length > 0 && <p className="note">{words("people.roles.others", { roles: rolesInWords(words, others) })}</p>}
    </>
  );
}

interface Closing {
  readonly close: () => void;
  readonly done: () => void;
}

function AddUser({ site, close, done, show }: Closing & { site: Site; show: (shown: Shown) => void }) {
  const words = useWords();
  const api = useApi();
  async function send(form: Form) {
    const made = await api.send<User & { password: string | null }>("POST", "/api/users", { user_name: form.text("user_name"), full_name: form.text("full_name"), roles: rolesOf(form, site) });
    done();
    if (made.password) show({ whose: made.user_name, secret: made.password, what: "password" });
  }
  return (
    <Ask title={words("people.add")} action={words("people.add")} send={send} close={close}>
      <label>
        {words("login.name")}
        <input name="user_name" required spellCheck={false} autoCapitalize="none" />
      </label>
      <label>
        {words("register.add.name")}
        <input name="full_name" />
      </label>
      <RoleFields site={site} />
    </Ask>
  );
}

function ChangeUser({ user, site, close, done }: Closing & { user: User; site: Site }) {
  const words = useWords();
  const api = useApi();
  async function send(form: Form) {
    await api.change(`/api/users/${encodeURIComponent(user.user_name)}`, { roles: rolesOf(form, site, user.roles), is_active: form.text("is_active") === "yes" }, user.version);
    done();
  }
  return (
    <Ask title={words("people.change.one", { name: user.user_name })} action={words("people.change")} send={send} close={close}>
      <RoleFields site={site} present={user.roles} />
      <label>
        {words("people.state")}
        <select name="is_active" defaultValue={user.is_active ? "yes" : "no"}>
          <option value="yes">{words("people.active")}</option>
          <option value="no">{words("people.inactive")}</option>
        </select>
      </label>
    </Ask>
  );
}

function Keys({ me, show }: { me: Me; show: (shown: Shown) => void }) {
  const words = useWords();
  const api = useApi();
  const { date } = useFormats();
  const zone = useZone();
  const [isAdding, setAdding] = useState(false);
  const keys = useLoaded("keys", (api, signal) => api.get<readonly Key[]>("/api/keys", {}, signal));
  if (!keys.value && keys.failure instanceof UnreachableError && hasRole(me, "administrator", null)) return null; // people say it already
  if (!keys.value) return keys.failure ? <FailureNote failure={keys.failure} /> : <Loading />;
  async function send(form: Form) {
    const made = await api.send<{ name: string; key: string }>("POST", "/api/keys", { name: form.text("name"), scopes: form.text("scope") ? [form.text("scope")] : null, expires: form.instant("expires", zone) ?? null });
    keys.reload();
    show({ whose: made.name, secret: made.key, what: "key" });
  }
  return (
    <section className="card">
      <div className="row">
        <h2>{words("people.keys")}</h2>
        <span className="end">
          <button type="button" disabled={!me.user} onClick={() => setAdding(true)}>
            {words("people.keys.add")}
          </button>
        </span>
      </div>
      <Table
        label={words("people.keys")}
        heads={[words("register.column.name"), words("people.scopes"), words("people.expires"), words("firmware.since"), ""]}
        rows={keys.value.filter((one) => !one.is_session)}
        keyOf={(one) => one.name}
        none={words("people.keys.none")}
        cells={(one) => [
          one.name,
          one.scopes?.join(", ") ?? words("people.scopes.all"),
          one.expires ? date(one.expires) : words("people.never"),
          date(one.created),
          one.owner && <End key="end" path={`/api/keys/${one.name.split("/").map(encodeURIComponent).join("/")}`} word={words("people.keys.delete")} done={keys.reload} />,
        ]}
      />
      {isAdding && (
        <Ask title={words("people.keys.add")} action={words("people.keys.add")} send={send} close={() => setAdding(false)}>
          <label>
            {words("register.column.name")}
            <input name="name" required spellCheck={false} />
          </label>
          <label>
            {words("people.scopes")}
            <select name="scope">
              <option value="">{words("people.scopes.all")}</option>
              {["register:read", "register:write", "credentials", "data:read", "orders"].map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <label>
            {words("people.expires")}
            <input name="expires" type="datetime-local" />
          </label>
        </Ask>
      )}
    </section>
  );
}
