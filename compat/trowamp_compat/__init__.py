"""A place for the API that programs written for Autobahn|Python know, on asyncio and on Twisted, over trowamp's core.

Nothing of it is here yet, and nothing is claimed.
"""
