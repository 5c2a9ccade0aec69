"""Events as Lambda gets them, made from short descriptions, and what the callers make of the answers.

A version under deployment has no URL. With the event that its API would send, and its answer read the way the API
reads it, expectations about status, headers and body hold for it all the same. One module for each key of a plan's
`event`, named like it; each names its source.
"""
