"""The verdict as JUnit XML: a test case for each requirement of each run; failure, error and skipped are kept apart."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from simulators.scenario.evidence.header import with_unit
from simulators.scenario.evidence.shown import Evidence
from simulators.scenario.verdict import Judged, Outcome

ELEMENTS = {Outcome.FAIL: "failure", Outcome.ERROR: "error", Outcome.SKIPPED: "skipped"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(evidence: Evidence) -> bytes:
    """One suite with the header as properties; metrics are properties of their cases."""
    verdicts, header = evidence.verdicts, evidence.header
    judged = verdicts.requirements
    counts = {outcome: sum(one.count(outcome) for one in judged) for outcome in Outcome}
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(header.scenario),
        tests=str(len(judged) * verdicts.runs),
        failures=str(counts[Outcome.FAIL]),
        errors=str(counts[Outcome.ERROR]),
        skipped=str(counts[Outcome.SKIPPED]),
    )
    if header.began:
        suite.set("timestamp", header.began)
    _properties(suite, {"title": header.title, "mode": header.mode, "verdict": verdicts.worst.word})
    for run in range(verdicts.runs):
        for one in judged:
            _case(suite, evidence, one, run)
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    return bytes(ElementTree.tostring(whole, encoding="utf-8", xml_declaration=True))


def _case(suite: ElementTree.Element, evidence: Evidence, one: Judged, run: int) -> None:
    parameters = evidence.case(run)
    name = f"{one.title} [{parameters}]" if parameters else one.title
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_clean(f"{evidence.header.scenario}.run{run}"),
        name=_clean(name),
    )
    said = {which: with_unit(getattr(one, which)[run], one.unit) for which in ("value", "limit", "margin")}
    _properties(case, {"metric": one.metric, **said, "at_s": with_unit(one.at_s[run], "s"), "clause": one.clause})
    outcome = one.of_run(run)
    if outcome in ELEMENTS:
        found = ElementTree.SubElement(case, ELEMENTS[outcome], message=_clean(str(one.reason[run])))
        if outcome is not Outcome.SKIPPED:
            found.set("type", one.metric)
            found.text = _clean(f"{one.title}: {one.reason[run]}\n{parameters}")


def _properties(element: ElementTree.Element, given: dict[str, str]) -> None:
    properties = ElementTree.SubElement(element, "properties")
    for name, value in given.items():
        if value:
            ElementTree.SubElement(properties, "property", name=name, value=_clean(value))


def _clean(text: str) -> str:
    """Without characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
