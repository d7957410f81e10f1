"""A second, independent judge of receipt files: the rules of `docs` and of the TypeScript verifier, written afresh."""
