"""MQTT → columns → live picture → futures → pairs → applications → warnings."""
