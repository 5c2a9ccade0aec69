"""Discovery of a deployment: from its id to blue, green and the URLs that reach them."""
