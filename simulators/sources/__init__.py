"""Recordings Chelu can replay, one module per form; `forms.open_scene` finds out which form a file has."""
