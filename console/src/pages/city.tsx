import { Absent } from "./absent";
import type { PageProps } from "./sections";

export default function CityPage({ site }: PageProps) {
  return <Absent title="section.city" what="absent.city.what" commands={["chelu status", `chelu watch alarms --site ${site.site_id}`]} />;
}
