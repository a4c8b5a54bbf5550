// A new device: what it must have, and where it stands if it stands anywhere.

import { DEVICE_KINDS, type Registered, type Site } from "../api/types";
import { useApi } from "../api/use";
import { Ask, type Form } from "../parts/ask";
import { useTold } from "../words/told";
import { useWords } from "../words/words";

export function AddDevice({ site, close, done }: { site: Site; close: () => void; done: (registered: Registered) => void }) {
  const words = useWords();
  const told = useTold();
  const api = useApi();

  async function send(form: Form) {
    const [registered] = await api.send<Registered[]>("POST", "/api/devices", [deviceOf(form.data, site)]);
    if (registered) done(registered);
  }

  return (
    <Ask title={words("register.add")} action={words("register.add.submit")} send={send} close={close}>
      <label>
        {words("register.add.id")}
        <input name="device_id" required autoFocus aria-describedby="id-help" autoCapitalize="none" spellCheck={false} />
        <span id="id-help" className="faint small">
          {words("register.add.idHelp")}
        </span>
      </label>
      <label>
        {words("register.kind")}
        <select name="kind">
          {DEVICE_KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {told(kind)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words("register.add.name")}
        <input name="name" />
      </label>
      <label>
        {words("register.add.latitude")}
        <input name="latitude_deg" type="number" step="any" />
      </label>
      <label>
        {words("register.add.longitude")}
        <input name="longitude_deg" type="number" step="any" />
      </label>
    </Ask>
  );
}

/** The request's device: what was left empty is left out, and the registry says what of the rest is wrong. */
export function deviceOf(form: FormData, site: Site): Record<string, unknown> {
  const text = (name: string) => (form.get(name) as string).trim();
  const place = ["latitude_deg", "longitude_deg"].flatMap((name): [string, number][] => (text(name) ? [[name, Number(text(name))]] : []));
  const name = text("name") ? { name: text("name") } : {};
  return { device_id: text("device_id"), kind: text("kind"), site_id: site.site_id, ...name, ...Object.fromEntries(place) };
}
