"""The one store of numbers: by unit, product, channel, terminal, month and version."""
