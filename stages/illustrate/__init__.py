"""Stage `illustrate`: the figures of Liu et al. 2020 that consist of images."""
