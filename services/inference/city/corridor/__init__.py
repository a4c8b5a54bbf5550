"""The emergency corridor: the quickest way by what is known now, green ahead of the vehicle, and the usual again behind it."""
