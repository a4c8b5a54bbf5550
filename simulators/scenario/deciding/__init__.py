"""Devices that decide what happens in a run: driving functions and signal controllers, asked step by step as it goes on."""
