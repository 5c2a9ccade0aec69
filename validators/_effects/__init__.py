"""Effects by kind: each module has the parameters of one kind, its AWS calls, and the IAM actions they need."""
