"""Bytes ⇄ columns: one module per wire format."""
