"""Stage `degrade`: test sets degraded in other ways than by noise on whole images, and what they are compared with."""
