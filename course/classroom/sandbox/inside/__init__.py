"""What runs in the sandbox: the only part of the classroom that the sandbox holds."""
