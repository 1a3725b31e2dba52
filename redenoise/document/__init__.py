"""The report as data: a page is laid out once into a document, which Markdown, LaTeX, the site and the commands read.

`model` says what a page consists of, `store` keeps it as JSON, `markdown` and `latex` render it.
"""
