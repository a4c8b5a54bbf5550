import { Absent } from "../pages/absent";
import type { PageProps } from "../pages/sections";

export default function MapPage({ site }: PageProps) {
  return <Absent title="section.map" what="screen.emptySite.more" commands={[`chelu watch picture --site ${site.site_id}`]} />;
}
