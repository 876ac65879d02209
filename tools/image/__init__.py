"""What the Dockerfile runs while the image is built; nothing of it is in the image."""
