"""The opinion test of Liu et al. 2020, section IV-B1 and figure 5: a page on which people rank denoised images.

The paper: "for each noisy image the denoised results from these four methods are shown simultaneously. We use scores
from 1 to 4 to indicate from low image quality to high image quality, and ask the raters to rank the denoised results".
The methods are CBM3D, DnCNN, and the proposed network without and with high-level guidance. 15 raters took part; "in
each test, 5 images from the Kodak dataset and 5 images from the CBSD68 dataset are randomly selected", at a noise level
of 50. Figure 5 shows the mean scores; their numbers are not printed.

Where this deviates or has to choose:

- All raters see the same ten images, drawn by a seed. Whether each of the paper's raters had ten of their own is not
  printed. The order of the images and of the pictures of each is drawn anew for every rater.
- There are no cascades at a level of 50: the pair without and with guidance are networks for 45 that are given the
  noisy image scaled to that level, see `methods.py`. Both, so that guidance is all that tells them apart.
- DnCNN is the model for the level (`dncnn_color`). Which one the paper took, and which of its two jointly trained
  denoisers, is not printed; figure 4 shows the one trained with segmentation, so `segment_2020` stands for it here.
- Neither the noisy nor the clean image is shown; the paper mentions none. The pictures are shown on the raters' own
  screens, fitted to the window, with a zoom that all four follow. The paper tells nothing of its screens.
- The figure has 95 % intervals, see `scores.py`; the paper's shows the variance of the scores.
"""
