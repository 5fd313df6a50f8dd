"""What authors and instructors make: sources read, built, checked for leaks, released."""
