"""Cooperation: what vehicles, roadside and platform ask and answer in the twelve applications of phase II (T/CSAE 157).

The standard's own messages (VIR, RSC, SSM, PAM, CLPMM, VPM …) are not public as a whole; these say the same in JSON, in SI units.
"""
