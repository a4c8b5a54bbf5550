"""Firmware and models on the device: fetched in pieces, checked, put in place, and taken back."""
