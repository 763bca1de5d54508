"""What every part stands on: registry, options, errors, seeds, devices, messages. Imports nothing heavy."""
