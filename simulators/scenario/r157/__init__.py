"""UN Regulation No. 157's sweeps: cut-in, cut-out and a braking leader, met by four driver models.

The models and the grids are those of the regulation's annex and of the study it rests on (Mattas et al. 2022, JRC-FSM); what both
leave open is written down in docs/scenario.md.
"""
