"""Decoders against frames that were made wrong on purpose."""
