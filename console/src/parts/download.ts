// A file of the API onto this machine: fetched with the session's key, which a link could not carry.

import type { Api } from "../api/client";

export async function download(api: Api, path: string, name: string): Promise<void> {
  const place = URL.createObjectURL(new Blob([await api.bytes(path)]));
  const link = Object.assign(document.createElement("a"), { href: place, download: name });
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(place), 60_000); // the browser reads it after the click
}
