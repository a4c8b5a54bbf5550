"""The keys that the JSON file of `chelu bench` is agreed to have, and the part that finds each: none goes by being left out."""

from __future__ import annotations

from collections.abc import Mapping

from evaluation.bench.results import Results

PART_OF: Mapping[str, str] = {
    "decode_bsm_vs_asn1tools": "codec",
    "decode_bsm_core_vs_asn1tools": "codec",
    "decode_rsm16_vs_asn1tools": "codec",
    "encode_bsm_vs_asn1tools": "codec",
    "receive_vs_paho": "bus",
    "receive_vs_raw_socket": "bus",
    "write_vs_copy": "store",
    "end_to_end_per_s": "site",
    "end_to_end_lost": "site",
    "end_to_end_rss_growth_mb": "site",
    "warning_p99_ms": "warning",
    "apps_1000_ms": "inference",
    "replay_speed_factor": "replay",
    "naive_ratio": "naive",
}
WITHOUT_BAR = frozenset({"naive_ratio"})


def missing(results: Results) -> list[str]:
    """Agreed keys that the parts which ran did not find, or found without a bar."""
    found = {one.key for one in results.figures if one.bar is not None or one.key in WITHOUT_BAR}
    return [key for key, part in PART_OF.items() if part in results.parts and key not in found]
