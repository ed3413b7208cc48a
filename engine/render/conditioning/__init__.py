"""What steers the denoiser: text, styles, pictures, references."""
