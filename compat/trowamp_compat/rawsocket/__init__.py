"""RawSocket: what does not depend on the event loop."""
