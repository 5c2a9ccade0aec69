"""Events for Lambda functions, built from short descriptions, and the responses of functions to HTTP events.

A version under deployment has no URL. It is invoked with the event that its API would send, and its result is parsed
as the API parses it, so that status, headers and body can be checked all the same. There is one module of the same name
for each key of a plan's `event`; each names its source.
"""
