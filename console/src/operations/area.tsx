// A new area of the track: its name and its corners, typed or drawn on the map.

import { useApi } from "../api/use";
import { Ask, type Form } from "../parts/ask";
import { Identifier, Name } from "../parts/asked";
import { useWords } from "../words/words";

/** path: the site's; corners: as they were drawn, "latitude, longitude" a line. */
export function AddArea({ path, corners, close, done }: { path: string; corners?: string; close: () => void; done: () => void }) {
  const words = useWords();
  const api = useApi();
  const send = (form: Form) =>
    api.send("POST", `${path}/areas`, { area_id: form.text("area_id"), name: form.text("name"), polygon: polygonOf(form.text("corners")) }).then(done);
  return (
    <Ask title={words("track.add.area")} action={words("track.add.area")} send={send} close={close}>
      <Identifier name="area_id" />
      <Name />
      <label>
        {words("track.corners")}
        <textarea name="corners" required rows={5} spellCheck={false} defaultValue={corners} placeholder={"29.5500, 106.5700\n29.5500, 106.5710\n29.5510, 106.5710"} />
      </label>
    </Ask>
  );
}

/** A GeoJSON polygon of corners, "latitude, longitude" a line; the first is its last, too. */
export function polygonOf(text: string): { type: "Polygon"; coordinates: number[][][] } {
  const corners = text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => line.split(/[\s,]+/).filter(Boolean).map(Number))
    .map(([latitude = NaN, longitude = NaN]) => [longitude, latitude]);
  return { type: "Polygon", coordinates: [[...corners, ...corners.slice(0, 1)]] };
}
