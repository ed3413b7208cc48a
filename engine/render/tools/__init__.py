"""Small models beside the denoiser: enlarge, find, classify, describe."""
