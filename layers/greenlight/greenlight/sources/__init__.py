"""Where plans live; one file for each kind of place, and the convention that orders them."""
