"""Firmware and models: packages that their makers signed, which version may become which, and what devices fetch."""
