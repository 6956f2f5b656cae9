"""Sessions, components and transports on Twisted."""
