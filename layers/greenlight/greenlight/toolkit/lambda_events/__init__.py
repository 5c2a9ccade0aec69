"""Events for Lambda functions, built from short descriptions, and the responses of functions to HTTP events.

A Lambda version has no URL. It is invoked with the event that its API would send, and its result is parsed as the API
would parse it, so that status, headers and body can be checked. Each key of a plan's `event` has a module of the same
name, which cites its source.
"""
