"""What follows from findings of the surroundings: alarms, and road events that units tell of for as long as a finding holds."""
