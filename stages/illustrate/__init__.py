"""Stage `illustrate`: the figures that consist of images, of Liu et al. 2020 and others."""
