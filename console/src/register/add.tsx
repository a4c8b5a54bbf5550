// A new device: what it must have, and where it stands if it stands anywhere.

import type { Registered, Site } from "../api/types";
import { useApi } from "../api/use";
import { Ask, type Form } from "../parts/ask";
import { DeviceKind, Identifier, Name, Position } from "../parts/asked";
import { useWords } from "../words/words";

export function AddDevice({ site, close, done }: { site: Site; close: () => void; done: (registered: Registered) => void }) {
  const words = useWords();
  const api = useApi();

  async function send(form: Form) {
    const [registered] = await api.send<Registered[]>("POST", "/api/devices", [deviceOf(form, site)]);
    if (registered) done(registered);
  }

  return (
    <Ask title={words("register.add")} action={words("register.add.submit")} send={send} close={close}>
      <Identifier name="device_id" help={words("register.add.idHelp")} />
      <DeviceKind />
      <Name />
      <Position />
    </Ask>
  );
}

/** The request's device: what was left empty is left out, and the registry says what of the rest is wrong. */
function deviceOf(form: Form, site: Site): Record<string, unknown> {
  const place = { latitude_deg: form.number("latitude_deg"), longitude_deg: form.number("longitude_deg") };
  return { device_id: form.text("device_id"), kind: form.text("kind"), site_id: site.site_id, name: form.some("name"), ...place };
}
