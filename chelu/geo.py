"""Vectorised geodesy: WGS-84 ⇄ local metres, GCJ-02, headings; never writes to its arguments."""
