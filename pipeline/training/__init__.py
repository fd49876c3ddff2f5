"""What every trainer stands on: data, loop, runs, figures and the gate."""
