"""Data for teams: stored rows by device, area, time and stream as files, what is in them for whom, and a record of each."""
