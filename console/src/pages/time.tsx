import { Absent } from "./absent";
import type { PageProps } from "./sections";

export default function TimePage({ site }: PageProps) {
  const commands = ["chelu explain", "chelu replay RECORDING --check", `chelu watch picture --site ${site.site_id}`];
  return <Absent title="section.time" what="absent.time.what" commands={commands} />;
}
