"""One LaTeX document with all tables and figures of a scale, and macros that cite single numbers.

Made from the committed reports alone: nothing has to be built, and what is cited is what was reviewed.
"""
