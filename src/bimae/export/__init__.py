"""Models as files for a runtime: everything that an answer needs inside, and checked."""
