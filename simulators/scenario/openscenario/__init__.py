"""OpenSCENARIO XML 1.0 to 1.3 with its OpenDRIVE, imported as scenarios of Chelu's own.

What decides about motion is translated or refused with file, line and XPath; what does not (looks, lights, weather to the eye) is
noted in the scenario. Nothing is skipped in silence.
"""
