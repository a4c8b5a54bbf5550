import { Absent } from "./absent";

export default function ApplicationsPage() {
  return <Absent title="section.applications" what="absent.applications.what" commands={["chelu explain", "chelu evaluate v2x"]} />;
}
