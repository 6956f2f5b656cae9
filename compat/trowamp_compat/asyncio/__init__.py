"""Sessions, components and transports on Asyncio."""
